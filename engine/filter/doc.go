// Package filter parses and checks the filter language, such as `status = "paid" AND total > 10`, and the original's DQL, which is
// the same grammar. It says what a filter means; stores render the checked tree as SQL, and Match is the oracle that they are
// tested against.
//
//	filter  = term { (AND | OR) term }          AND binds tighter than OR
//	term    = NOT term | ( filter ) | field op value | field [NOT] IN ( value, … ) | field [NOT] LIKE value
//	        | field IS [NOT] NULL | value        a value alone means id = value
//	op      = | == | != | <> | < | <= | > | >=
//	value   = "text" | 'text' | number | true | false | null | {{ expression }}   the last only in steps
//
// Keywords may be in small or capital letters. A field may stand in quotes. Numbers may stand in quotes and are read by the type of
// the field. In a text \" \' \\ \n \r \t are escapes; \% and \_ stay as they are, for LIKE.
//
// Meaning, the same on every store:
//
//   - Two values of truth only: every term is true or false, and NOT turns it around.
//   - Null: `=`, `<` and the like, IN and LIKE are false for a field that is null; so `!=`, NOT IN and NOT LIKE are true. `= null`
//     is IS NULL, `!= null` is IS NOT NULL.
//   - `=`, `!=` and IN compare text exactly. `<` and the like order text by the bytes of its folded form (Fold); LIKE compares
//     folded text.
//   - LIKE without a % looks for the text anywhere inside. With one, % stands for any text and _ for one character.
//   - A field that is a list is compared by its elements: `=` and IN are true if one of them fits, `!=` and NOT IN if none does. It is
//     null if it is empty.
package filter
