// Package phpvar says which PHP variable a cookie or a query argument becomes,
// as main/php_variables.c does.
//
// Invariants: nothing here allocates, except a decoding that has something to
// decode, and what is appended to a slice that has no space left; input of any form is read somehow, never refused, as PHP does.
//
// It does not keep variables, and does not know which of several spellings wins;
// that is the first for cookies and the last for query arguments.
package phpvar

// Text is what is read: a header or a decoded copy.
type Text interface{ string | []byte }

// PHP's defaults for max_input_vars and max_input_nesting_level.
const (
	MaxInputVars = 1000
	maxNesting   = 64
)
