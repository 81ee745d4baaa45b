package phpvar

// RawURLDecode is php_raw_url_decode, by which values of cookies are read: a
// plus stays a plus, and what is no escape stays as it is. It allocates only
// where there is a percent sign.
func RawURLDecode(s string) string {
	if index(s, '%') < 0 {
		return s
	}
	return string(appendDecoded(make([]byte, 0, len(s)), s, '+'))
}

// AppendURLDecode appends what php_url_decode makes of a name or a value of a
// query: as above, and a plus is a space.
func AppendURLDecode(dst []byte, s string) []byte {
	return appendDecoded(dst, s, ' ')
}

// IsURLEncoded reports whether AppendURLDecode could change s.
func IsURLEncoded(s string) bool {
	for i := range len(s) {
		if s[i] == '%' || s[i] == '+' {
			return true
		}
	}
	return false
}

func appendDecoded(dst []byte, s string, plus byte) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '+':
			c = plus
		case '%':
			if decoded, ok := Escape(s[i:]); ok {
				c = decoded
				i += 2
			}
		}
		dst = append(dst, c)
	}
	return dst
}

// Escape returns the byte that s, which begins with a percent sign, stands for.
func Escape(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	high, okHigh := hexDigit(s[1])
	low, okLow := hexDigit(s[2])
	return high<<4 | low, okHigh && okLow
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// TrimSpaceLeft drops what isspace of the C locale takes for white space.
func TrimSpaceLeft(s string) string {
	for s != "" && (s[0] == ' ' || '\t' <= s[0] && s[0] <= '\r') {
		s = s[1:]
	}
	return s
}
