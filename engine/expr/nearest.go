package expr

// Nearest is the name that was probably meant, or nothing when none is near.
func Nearest(name string, names []string) string { return nearest(name, names) }
