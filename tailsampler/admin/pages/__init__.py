"""The pages: HTML from the gateway's own templates, complete without a script."""
