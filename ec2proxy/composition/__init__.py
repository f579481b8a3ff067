"""Objects made out of configuration, and put together: what a process of ec2proxy is. Nothing else imports this."""
