"""What ec2proxy itself remembers."""
