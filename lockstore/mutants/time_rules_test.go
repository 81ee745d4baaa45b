package mutants

// timeRules are the rules on deadlines.
var timeRules = []mutant{
	{
		rule: "a deadline counts from the sending of the call",
		file: "lease.go", old: "deadline := c.sent.Add(l.of.timing.ttl - l.of.timing.margin)\n\tif l.due", new: "deadline := l.of.clock.now().Add(l.of.timing.ttl - l.of.timing.margin)\n\tif l.due",
		tests: []string{"TestAskingDoesNotTrustAnAnswerThatTookTooLong"},
	},
	{
		rule: "a renewed deadline counts from the sending of the call",
		file: "lease.go", old: "if deadline := sent.Add(", new: "if deadline := l.of.clock.now().Add(",
		tests: []string{"TestRenewalExtendsFromItsSending"},
	},
	{
		rule: "a release is overlapped only while its lease could not have run out",
		file: "leases.go", old: " && s.clock.now().Before(c.until)", new: " && !c.until.IsZero()",
		tests: []string{"TestOverlapIsNotJudgedBehindTheLeasesEnd"},
	},
	{
		rule: "a grant too old is not taken",
		file: "lease.go", old: "if !known || rest <= 0 {", new: "if !known {",
		tests: []string{"TestAskingDoesNotTakeAnOldGrant"},
	},
	{
		rule: "a grant within the margin is not taken",
		file: "lease.go", old: "l.of.timing.confirm) - l.of.timing.margin", new: "l.of.timing.confirm)",
		tests: []string{"TestAskingDoesNotTakeAnOldGrant", "TestGrantHoldsOnlyForTheConfirmationTime"},
	},
	{
		rule: "a grant is not taken without knowing Redis's time",
		file: "lease.go", old: "if !known || rest <= 0 {", new: "if rest <= 0 && known {",
		tests: []string{"TestAskingDoesNotTakeAGrantWithoutKnowingTheTime", "TestAskingForgetsAnOldSample"},
	},
	{
		rule: "an answer to a call from before the connection is no sample",
		file: "bound.go", old: "if sent.Before(b.since) {", new: "if false {",
		tests: []string{"TestAskingForgetsSamplesOfCallsThatAreUnderWay"},
	},
	{
		rule: "samples of the time end with the connection",
		file: "leases.go", old: "\t\t\tknown.bound.forget(s.clock.now())\n", new: "\t\t\t_ = known\n",
		tests: []string{"TestAskingDoesNotTakeAGrantWithoutKnowingTheTime"},
	},
	{
		rule: "who asks polls after a reconnection",
		file: "leases.go", old: "\t\t\t\tl.wake(in)\n", new: "",
		tests: []string{"TestAskingDoesNotTakeAGrantWithoutKnowingTheTime"},
	},
	{
		rule: "the bound on Redis's time is the least one",
		file: "bound.go", old: "offset < b.least", new: "offset > b.least",
		tests: []string{"TestBoundIsTheLeastThatWasSeen"},
	},
	{
		rule: "a granted lease holds to its short deadline",
		file: "lease.go", old: "l.hold(g.token, now.Add(rest), g", new: "l.hold(g.token, now.Add(l.of.timing.ttl-l.of.timing.margin), g",
		tests: []string{"TestGrantHoldsOnlyForTheConfirmationTime", "TestRenewalIsTriedAgainUntilTheDeadline"},
	},
	{
		rule: "a grant lasts for the confirmation time at most, whatever the clocks say",
		file: "lease.go", old: "rest := min(time.Duration(g.expiry-latest)*time.Microsecond, l.of.timing.confirm)", new: "rest := time.Duration(g.expiry-latest)*time.Microsecond",
		tests: []string{"TestGrantLastsNoLongerThanItCan"},
	},
	{
		rule: "a granted lease is renewed soon",
		file: "lease.go", old: "g.waiting, l.of.timing.confirm/5)", new: "g.waiting, l.of.timing.ttl/3)",
		tests: []string{"TestGrantIsRenewedSoon"},
	},
	{
		rule: "the alarm to poll does not stand in for that to renew",
		file: "lease.go", old: "\tl.disarm() // there is nothing to poll for any more\n", new: "",
		tests: []string{"TestGrantIsRenewedSoon"},
	},
	{
		rule: "a deadline is checked before the next turn",
		file: "lease.go", old: "\t\tcase l.state == holding && l.due(l.deadline):\n\t\t\tl.askAgain()\n", new: "",
		tests: []string{"TestDeadlineIsCheckedAtEveryUse", "TestHoldingDoesNotLingerBeyondTheDeadline"},
	},
	{
		rule: "a deadline is checked when a turn ends",
		file: "lease.go", old: "if l.state == lost || l.state == holding && l.due(l.deadline) {", new: "if l.state == lost {",
		tests: []string{"TestDeadlineIsCheckedAtEveryUse", "TestGrantHoldsOnlyForTheConfirmationTime"},
	},
	{
		rule: "a late answer of a newer lease ends the turn",
		file: "lease.go", old: "\t\tl.lose() // the lease of the turn that runs ended before that call\n", new: "\t\tl.extend(c.sent)\n",
		tests: []string{"TestLateAnswerOfANewerLeaseEndsTheTurn"},
	},
	{
		rule: "a late answer of an older lease extends nothing",
		file: "lease.go", old: "case l.state == holding && r.mine() && r.token == l.token:", new: "case l.state == holding && r.mine():",
		tests: []string{"TestLateAnswerOfAnOlderLeaseExtendsNothing"},
	},
	{
		rule: "a lease that had run out is not restored",
		file: "lease.go", old: "case r.outcome == renewLost, r.outcome == restored && l.due(l.deadline):", new: "case r.outcome == renewLost:",
		tests: []string{"TestRenewalDoesNotRestoreALeaseThatHadRunOut"},
	},
	{
		rule: "polls come in time",
		file: "lease.go", old: "l.wake(min(rest+time.Millisecond, l.of.jitter(l.of.timing.poll)))", new: "l.wake(rest + time.Millisecond)",
		tests: []string{"TestAskingPolls"},
	},
}
