"""The listening side: protocol, resource tree, request life cycle, the one error funnel."""
