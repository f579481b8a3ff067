"""One cloud as EC2 sees it: the shared picture and the life cycle planner."""
