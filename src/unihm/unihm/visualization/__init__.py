"""Everything that draws: pictures, videos, pages in the browser."""
