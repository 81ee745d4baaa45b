// Package rules decides what policy holds for a request: the first rule that
// matches gives it, and what that rule does not say is as in the base policy.
//
// Everything is worked out in [Compile]. [Set.Decide] only compares, allocates
// nothing and gives out shared policies that nobody may change. Work per
// request grows with the number of rules and the length of the request, in no
// case with their product squared: globs are matched in one pass.
//
// Rules see one spelling of a path, which [NormalizePath] makes; whoever asks
// must hand over that one. Query arguments are read as PHP reads them, headers
// as PHP gets them, and a method that is overridden is not taken for what was
// sent. Where a request can be read in two ways, a rule that lets something
// pass must hold for both, and one that rejects for one of them.
//
// The package knows nothing of HTTP, of sessions or of configuration files.
// The one thing that costs something, whether a session is present, is asked of
// the caller and only when a rule wants to know.
package rules
