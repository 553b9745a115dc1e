"""The admin listener: a JSON API, and the books as a page that refreshes."""
