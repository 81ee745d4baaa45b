package admission

// list is a doubly linked list whose nodes are part of what is listed: nothing
// is allocated to be in a list, and whoever is in one is taken out without a
// search.
type list[T any] struct{ first, last *node[T] }

// node is a place in at most one list. Its zero value is in none.
type node[T any] struct {
	of         T
	in         *list[T]
	prev, next *node[T]
}

func (l *list[T]) empty() bool { return l.first == nil }

// push puts a node that is in no list at the end.
func (l *list[T]) push(n *node[T]) {
	n.in, n.prev = l, l.last
	if l.last == nil {
		l.first = n
	} else {
		l.last.next = n
	}
	l.last = n
}

// leave takes a node out of its list, where it is in one.
func (n *node[T]) leave() {
	l := n.in
	if l == nil {
		return
	}
	if n.prev == nil {
		l.first = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		l.last = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.in, n.prev, n.next = nil, nil, nil
}
