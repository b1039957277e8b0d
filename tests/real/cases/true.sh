# Nothing at all.
exec true
