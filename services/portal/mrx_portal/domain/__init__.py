"""Who looks at a page, and the words of a request's life."""
