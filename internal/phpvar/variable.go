package phpvar

// AppendVariable appends the name of the variable that a sent name becomes, and
// says in what form; Other where it becomes none. It agrees with SpellingOf, and
// is for those who look for many names at once. dst must not overlap sent.
func AppendVariable[T Text](dst []byte, sent T) ([]byte, Spelling) {
	for len(sent) > 0 && sent[0] == ' ' {
		sent = sent[1:]
	}
	found, end, brackets := Plain, len(sent), false
	switch bracket := index(sent, '['); {
	case len(sent) == 0 || bracket == 0:
		return dst, Other
	case bracket < 0:
	case !closes(sent[bracket+1:]):
		brackets = true
	case tooDeep(sent, sent[bracket+1:]):
		found, end = TooDeep, bracket
	default:
		found, end = Array, bracket
	}
	from := len(dst)
	for i := range end {
		dst = append(dst, fold(sent[i], brackets))
	}
	if forged(dst[from:], sent) {
		return dst[:from], Other
	}
	return dst, found
}
