package expr

// Bound is a limit of expressions as operators see it.
type Bound struct {
	Name  string
	Value int64
	Unit  string
	Help  string
}

// Bounds lists the limits that errors name in Error.Limit.
func Bounds() []Bound {
	return []Bound{
		{"expression_bytes", maxSource, "bytes", "an expression's text"},
		{"expression_nodes", maxNodes, "parts", "an expression's parts"},
		{"expression_nesting", maxNesting, "levels", "brackets inside brackets"},
		{"template_bytes", maxTemplate, "bytes", "a template's text"},
		{"template_parts", maxParts, "expressions", "{{ }} in one template"},
		{"tree_values", maxLeaves, "values", "values of a JSON message"},
		{"pattern_bytes", maxPattern, "bytes", "a regular expression"},
		{"pattern_subject", maxPatternSubject, "bytes", "the text that a regular expression looks at"},
		{"expression_steps", int64(FullLimits.Ticks), "steps", "all expressions of a run outside of commits"},
		{"expression_made", int64(FullLimits.Bytes), "bytes", "text and lists that those expressions make"},
		{"expression_time", FullLimits.Time.Milliseconds(), "ms", "time that those expressions take"},
		{"inline_steps", int64(InlineLimits.Ticks), "steps", "one expression that is judged inside a commit"},
		{"inline_made", int64(InlineLimits.Bytes), "bytes", "text and lists that such an expression makes"},
	}
}
