"""What tests of drivers and actions share, for third parties too."""
