"""Who is asking: HTTP Basic, signatures version 4 and 2, and the accounts they are checked against."""
