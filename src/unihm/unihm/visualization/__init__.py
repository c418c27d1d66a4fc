"""Everything that draws: pictures, films, pages."""
