"""The HTTP API: for suppliers by the token of their page, for members and secretariat by bearer token."""
