"""Charts, from a specification to an SVG within the page."""
