package lockstore

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// An answer may take its time in the events that it has told: Close waits for it.
func TestAnswersOfAWayToNowhereHaveAnOwner(t *testing.T) {
	for name, call := range map[string]func(w *way, done func(error)){
		"turn":  func(w *way, done func(error)) { w.turn(turnCall{}, func(_ turnReply, err error) { done(err) }) },
		"renew": func(w *way, done func(error)) { w.renew(renewCall{}, func(_ renewReply, err error) { done(err) }) },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := NewRedis(RedisOptions{Addresses: []string{"127.0.0.1:1"}, Prefix: "test:"})
			if err != nil {
				t.Fatal(err)
			}
			answered, goOn := make(chan error), make(chan struct{})
			call(&s.way, func(err error) {
				answered <- err
				<-goOn
			})
			if err := <-answered; !errors.Is(err, errUnsettled) {
				t.Errorf("the answer: %v", err)
			}
			ended, end := context.WithCancel(t.Context())
			end()
			if err := s.Close(ended); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "still at work: answering") {
				t.Errorf("Close, while an answer is under way: %v", err)
			}
			close(goOn)
			if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Errorf("Close, once it is over: %v", err)
			}
			call(&s.way, func(error) { t.Error("a call of a closed store is answered") })
		})
	}
}
