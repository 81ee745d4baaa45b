// Package page makes the HTML page that people see instead of the application's
// answer when the gate has refused a request.
//
// A page is an html/template: the gate's own ([Default]) or an operator's
// ([Parse]). What it may use stands at [Content], and in two more fields:
//
//	.Reload     the markup that loads the page again; for the head. Empty where
//	            coming again makes no sense
//	.RequestID  of the request; empty where it has none
//
// The reload counts its tries in the tab's session storage, by address, and
// waits twice as long each time: Retry-After, then 2, 4, 8 … of it, at most two
// minutes. It needs no cookie, no state in the gate and nothing from elsewhere.
// Without scripts a refresh in the head comes again after Retry-After.
//
// Invariants:
//
//   - A page that Parse has accepted can be shown: it has been executed with
//     samples. Should it fail all the same, the gate's own page is shown.
//   - What a page shows is escaped by html/template for the place where it
//     stands; nothing of a request but its id is given to it at all.
//   - No page runs a script but the reload, whatever stands in the template:
//     [Page.Policy] names that script's hash.
//   - A page is rendered once for each content that comes up, not once a
//     request, and the memory for that is bounded.
//
// The package does not decide who gets a page, and does not write answers;
// package proxy does.
package page
