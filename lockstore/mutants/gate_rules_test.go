package mutants

// gateRules are the rules of the state machine.
var gateRules = []mutant{
	{
		rule: "a key is outdated for those who waited when it was, and for nobody else",
		file: "line.go", old: "\tif t == l.outdated {\n\t\tl.outdated = t.prev // older, and so outdated, too\n\t}\n", new: "",
		tests: []string{"TestOutdatedByAnotherGate"},
	},
	{
		rule: "the call that lets others have the lease says that the key is outdated",
		file: "lease_calls.go", old: "outdates: l.outdates, ", new: "",
		tests: []string{"TestOutdatingIsSaidWithTheLeaseThatIsGivenBack", "TestOutdatingIsSaidWithTheNextConversation"},
	},
	{
		rule: "no other call says so",
		file: "lease.go", old: "\tl.outdates = false\n", new: "",
		tests: []string{"TestOutdatingIsNotSaidWhereNobodyElseWaited"},
	},
	{
		rule: "a conversation's number is never used again",
		file: "lease.go", old: "l.of.conversation++", new: "l.of.conversation = l.over + 1",
		tests: []string{"TestConversationsAreNumberedAcrossSessions", "TestAskingIsCancelledWhenTheLastOneLeaves"},
	},
	{
		rule: "every call of a conversation says which one is over",
		file: "lease_calls.go", old: "over: l.over, spent: l.fence", new: "over: 0, spent: l.fence",
		tests: []string{"TestAskingTellsEveryCallWhatIsOver", "TestHoldingContendedPassesTheTurnAfterEveryRequest"},
	},
	{
		rule: "a call says what was spent",
		file: "lease_calls.go", old: "over: l.over, spent: l.fence", new: "over: l.over",
		tests: []string{"TestHoldingContendedPassesTheTurnAfterEveryRequest", "TestBackGateClaimsWhatRunsFirst", "TestHoldingServesTheLineWithoutRedis"},
	},
	{
		rule: "contended is sticky: a grant, an answer or a want counts",
		file: "lease.go", old: "l.contended = l.contended || others > 0", new: "l.contended = others > 0",
		tests: []string{"TestAskingStaysContended", "TestAskingWantedAsksAgain"},
	},
	{
		rule: "contended is sticky: a renewal does not take it back",
		file: "lease.go", old: "l.contended = l.contended || r.waiting > 0\n\t\tl.extend", new: "l.contended = r.waiting > 0\n\t\tl.extend",
		tests: []string{"TestHoldingStaysContended"},
	},
	{
		rule: "contended is sticky: a late answer does not take it back",
		file: "lease.go", old: "l.contended = l.contended || r.mine() && r.waiting > 0", new: "l.contended = l.contended && !r.mine()",
		tests: []string{"TestHoldingContendedPassesTheTurnAfterEveryRequest"},
	},
	{
		rule: "a want while asking asks again at once",
		file: "lease.go", old: "\tcase l.state == asking:\n\t\tl.poll() // the answer that said so was lost\n", new: "",
		tests: []string{"TestAskingWantedAsksAgain"},
	},
	{
		rule: "a release that was overlapped is counted",
		file: "leases.go", old: "if r.overlapped && l != nil", new: "if false && l != nil",
		tests: []string{"TestOverlappedReleaseIsCounted", "TestOverlappedReleaseThatAsksAgainIsCounted"},
	},
	{
		rule: "beside another call nobody can say whether a release was overlapped",
		file: "leases.go", old: " && l.last == c.serial", new: "",
		tests: []string{"TestOverlapIsNotJudgedBesideAnotherCall"},
	},
	{
		rule: "only the first release can say that it was overlapped",
		file: "lease_calls.go", old: "\tl.heldUntil = time.Time{}\n\treturn c\n", new: "\treturn c\n",
		tests: []string{"TestOverlapIsNotJudgedByARepeatedRelease"},
	},
	{
		rule: "after a lost lease the line stays shut until the turn ends",
		file: "lease.go", old: "\tl.state = lost\n\tturn := l.running\n", new: "\tturn := l.running\n\tl.running = nil\n\tl.askAgain()\n",
		tests: []string{"TestLostKeepsTheLineShut", "TestRenewalSaysLost", "TestBackConflictIsALostLease"},
	},
	{
		rule: "after a lost lease the next turn is asked for anew",
		file: "lease.go", old: "case l.state == lost, l.state == holding && l.contended && l.waiting > 0:", new: "case l.state == lost:\n\t\tl.state = holding\n\tcase l.state == holding && l.contended && l.waiting > 0:",
		tests: []string{"TestLostKeepsTheLineShut"},
	},
	{
		rule: "a late answer of a dead conversation is cancelled",
		file: "leases.go", old: "\t\tcase err == nil && r.mine():\n\t\t\ts.cancel(c.key, c.ask)\n", new: "",
		tests: []string{"TestDeadConversationIsCancelledExactly"},
	},
	{
		rule: "a grant of a dead conversation is cancelled",
		file: "leases.go", old: "\t\ts.cancel(g.key, g.conversation)\n", new: "",
		tests: []string{"TestDeadConversationIsCancelledExactly", "TestDeadConversationOfAForgottenSessionIsCancelled"},
	},
	{
		rule: "a want of a dead conversation is cancelled",
		file: "leases.go", old: "\t\ts.cancel(k, conversation)\n", new: "",
		tests: []string{"TestDeadConversationIsCancelledExactly", "TestDeadConversationOfAForgottenSessionIsCancelled"},
	},
	{
		rule: "exactly the dead conversation is cancelled, not the live one",
		file: "leases.go", old: "over: conversation, sent", new: "over: s.conversation, sent",
		tests: []string{"TestDeadConversationIsCancelledExactly"},
	},
	{
		rule: "a grant belongs to its own conversation",
		file: "leases.go", old: "l != nil && l.conversation == g.conversation", new: "l != nil",
		tests: []string{"TestDeadConversationIsCancelledExactly"},
	},
	{
		rule: "no cancel overtakes a call that says the same and asks",
		file: "leases.go", old: "conversation <= l.over && !l.leaving", new: "conversation < l.over && !l.leaving",
		tests: []string{"TestDeadConversationThatACallEndsIsNotCancelledTwice"},
	},
	{
		rule: "who leaves gives up the place in the queue",
		file: "leases.go", old: "if first && l.state == asking && l.waiting > 0 {", new: "if false && first {",
		tests: []string{"TestAskingGivesUpThePlaceOfWhoLeft"},
	},
	{
		rule: "who is refused gives up the place in the queue",
		file: "lease.go", old: "\t\tl.poll() // the next one must not inherit the place\n", new: "\t\tl.wake(rest)\n",
		tests: []string{"TestAskingGivesUpThePlaceOfWhoIsRefused"},
	},
	{
		rule: "a recovered gate claims the sessions that run",
		file: "lease.go", old: "\t\tl.ask()\n\t\tl.state = claiming\n", new: "\t\tl.state = alone\n",
		tests: []string{"TestBackGateClaimsWhatRunsFirst", "TestBackConflictIsALostLease"},
	},
	{
		rule: "a conflict with a claim is a lost lease",
		file: "lease.go", old: "\t\tl.conversation = 0\n\t\tl.lose()\n", new: "\t\tl.conversation = 0\n",
		tests: []string{"TestBackConflictIsALostLease"},
	},
	{
		rule: "nobody runs on a claim that is not answered",
		file: "lease.go", old: "\t\tl.state = asking\n\t\tl.poll() // the call", new: "\t\tl.state = claiming\n\t\tl.poll() // the call",
		tests: []string{"TestBackTurnThatEndsDuringTheClaimDoesNotPassItOn"},
	},
	{
		rule: "who does not want to run without Redis joins no line that does",
		file: "leases.go", old: "|| l != nil && l.state == alone)", new: ")",
		tests: []string{"TestAwayRefusesWhoDoesNotWantTo"},
	},
	{
		rule: "an abandoned lease is left behind, though a call fails",
		file: "lease.go", old: "\tcase l.state == abandoned:\n\t\tl.wake(l.of.timing.retry)\n", new: "\tcase l.state == abandoned:\n",
		tests: []string{"TestAbandonedLeaseIsLeftBehind"},
	},
	{
		rule: "an old failure does not undo that a server is back",
		file: "breaker.go", old: "if sent.Before(b.closed) {", new: "if false {",
		tests: []string{"TestBackIsNotUndoneByOldFailures"},
	},
	{
		rule: "a call is judged by the server that was asked",
		file: "servers.go", old: "known := s.servers[node]", new: "known := s.serverOf(k)",
		tests: []string{"TestCallIsJudgedByTheServerThatWasAsked"},
	},
	{
		rule: "a server where leases are stays known",
		file: "servers.go", old: "!needed[known] && !telling", new: "!telling",
		tests: []string{"TestSweepLeavesServersThatAreNeeded"},
	},
	{
		rule: "a server that is away stays known",
		file: "servers.go", old: " && !known.breaker.open {", new: " {",
		tests: []string{"TestSweepLeavesServersThatAreNeeded"},
	},
	{
		rule: "a server whose time is known stays known",
		file: "servers.go", old: "&& !telling &&", new: "&& (telling || true) &&",
		tests: []string{"TestSweepLeavesTheBoundOnAServersTime"},
	},
	{
		rule: "an abandoned turn keeps the line shut",
		file: "lease.go", old: "\tl.state = abandoned\n", new: "",
		tests: []string{"TestHoldingAbandonedKeepsTheSessionLocked"},
	},
}
