"""Pictures of every screen of the pages, in both languages, by day and by night, on a phone and on a desk."""
