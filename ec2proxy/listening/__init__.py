"""Where connections come in: sockets, which other processes may share, and how many connections there may be."""
