package page

import (
	"fmt"
	"regexp"
	"strings"
)

// templateName is what a template calls itself in its errors, where an operator
// looks for the file.
const templateName = "page"

var (
	// errorPlace matches how text/template and html/template begin their errors.
	errorPlace = regexp.MustCompile(`^(?:html/)?template: ?` + templateName + `:(\d+)(?::\d+)?: (?:executing "[^"]*" at )?`)
	// noField matches what they say of a field that is not there.
	noField = regexp.MustCompile(`can't evaluate field (\w+) in type \*page\.view$`)
)

// located puts file and line before an error of a template.
func located(file string, err error) error {
	text := noField.ReplaceAllString(err.Error(), "there is no .$1; there are .Status, .Title, .Detail, .Reason, .RetryAfter, .RequestID and .Reload")
	if place := errorPlace.FindStringSubmatch(text); place != nil {
		return fmt.Errorf("%s:%s: %s", file, place[1], text[len(place[0]):])
	}
	return fmt.Errorf("%s: %s", file, strings.TrimPrefix(strings.TrimPrefix(text, "html/"), "template: "))
}
