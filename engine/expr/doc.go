// Package expr compiles and evaluates Cuelight's expressions: bare ones such as the `if` of a condition, templates such as
// `Order {{ object.number }}`, and JSON trees whose string leaves are templates.
//
// The language is that of expr-lang; only its parser is used. What it parses is type-checked here against the structure (a Scope)
// and compiled into closures over our own values: nil, bool, int64, string, Decimal, time.Time, []any and map[string]any. That
// way every single operation passes one gate, the Budget, before it works: no operation of a foreign virtual machine can run
// outside it, no float64 exists, and every error knows its place in the source.
//
// The rules, in short:
//
//   - Null. Every field may be null. `==` and `!=` compare with null, ordering with null is false, a null condition is false,
//     arithmetic with null is an error that names the field, text tests (contains, matches …) on null are false, and functions
//     hand null through unless their help says otherwise. A null list is an empty list for any, all, filter, sum and the like.
//   - Types. A comparison across types is refused when compiled, as is an unknown name, an unknown field, a value that is not an
//     option of a choice. Values that no structure describes (json, webhook bodies) are checked when evaluated: `==` across types
//     is then false and ordering across types an error.
//   - Numbers. Ints lie within ±2^53 and never wrap: what leaves that range is an error. `1.5` is a Decimal; ints and decimals
//     mix; `7 / 2` is the decimal 3.5; `%` takes ints; `**` does not exist.
//   - Names. A bare name that is not reserved is a field of object. `$env.name` always means the reserved name.
//   - Text. `==` and the order of text are exact, by bytes (a filter's order folds letters).
//   - Missing. A field, key or element that is missing at run time is null.
//   - Cost. An Inline expression may be judged inside a commit: its work is bounded by its size. A Deferred one has closures,
//     ranges, regular expressions, functions that build text or lists of any size, or more than 100 nodes.
//
// Programs, Templates and Trees are immutable and safe for concurrent use. Values that come out of them may share memory with the
// Env they were evaluated in: do not change either.
package expr
