package mutants

// scriptRules are the rules of turn.lua and renew.lua.
var scriptRules = []mutant{
	{
		rule: "those who wait hear that the session is outdated",
		file: "turn.lua", old: "    if ARGV[9] and who ~= gate then redis.call('PUBLISH', inbox .. who, 'outdated ' .. name) end -- before any grant\n", new: "",
		tests: []string{"TestScriptTellsThoseWhoWaitThatTheSessionIsOutdated"},
	},
	{
		rule: "the fence is raised to what was spent",
		file: "turn.lua", old: "fence = math.max(fence, spent)", new: "",
		tests: []string{"TestScriptTokenIsAboveWhatWasSpent", "TestScriptStaleCallStillSaysWhatWasSpent"},
	},
	{
		rule: "a release ends its own conversation and earlier ones, no later one",
		file: "turn.lua", old: "local mine = owner == gate and conversation <= over", new: "local mine = owner == gate",
		tests: []string{"TestScriptAcquireThatOvertakesTheRelease"},
	},
	{
		rule: "a release says that the lease was given to another",
		file: "turn.lua", old: "then overlapped = 1 end", new: "then overlapped = 0 end",
		tests: []string{"TestScriptReleaseSaysThatTheLeaseWasGivenToAnother", "TestScriptReleaseKnowsItsLeaseByTheToken"},
	},
	{
		rule: "a release knows its lease by the token",
		file: "turn.lua", old: " and tonumber(token) <= spent)", new: ")",
		tests: []string{"TestScriptReleaseKnowsItsLeaseByTheToken"},
	},
	{
		rule: "a lease that was held to its end is not overlapped",
		file: "turn.lua", old: " and not (mine and tonumber(token) <= spent)", new: "",
		tests: []string{"TestScriptReleaseIsItsOwnWhateverOthersHaveSpent"},
	},
	{
		rule: "a late cancel leaves a later place alone",
		file: "turn.lua", old: "if line and line[gate] and line[gate][1] <= over then drop(gate) end", new: "drop(gate)",
		tests: []string{"TestScriptLateCancelLeavesTheNextPlace"},
	},
	{
		rule: "a cancel gives up the place",
		file: "turn.lua", old: "if line and line[gate] and line[gate][1] <= over then drop(gate) end", new: "",
		tests: []string{"TestScriptCancelGivesUpThePlace"},
	},
	{
		rule: "a late acquire does not take over a later conversation's lease",
		file: "turn.lua", old: "if conversation > ask then", new: "if false then",
		tests: []string{"TestScriptLateAcquireIsStale"},
	},
	{
		rule: "a late acquire does not take over a later conversation's place",
		file: "turn.lua", old: "if line[gate] and line[gate][1] > ask then", new: "if false then",
		tests: []string{"TestScriptLateAcquireIsStale"},
	},
	{
		rule: "a place is overwritten",
		file: "turn.lua", old: "  drop(gate)\n  line[gate] = {ask, math.min(arrival, now), now + alive}\n",
		new:   "  local was = line[gate]\n  drop(gate)\n  line[gate] = {ask, was and was[2] or math.min(arrival, now), now + alive}\n",
		tests: []string{"TestScriptPlaceIsOverwritten"},
	},
	{
		rule: "a place is taken before anybody is picked",
		file: "turn.lua", old: "  drop(gate)\n  line[gate] = {ask, math.min(arrival, now), now + alive}\n  waiting = waiting + 1\n  if not owner then hand() end\n",
		new:   "  if not owner then hand() end\n  drop(gate)\n  line[gate] = {ask, math.min(arrival, now), now + alive}\n  waiting = waiting + 1\n",
		tests: []string{"TestScriptOlderRequestGoesBeforeThoseThatWait"},
	},
	{
		rule: "in Cluster a lease is never freed because nobody has heard",
		file: "turn.lua", old: " > 0 or heard == '0' then return end", new: " > 0 then return end",
		tests: []string{"TestScriptClusterDoesNotCountWhoHears"},
	},
	{
		rule: "outside of Cluster a grant that nobody hears goes to the next",
		file: "turn.lua", old: " > 0 or heard == '0' then return end", new: " >= 0 then return end",
		tests: []string{"TestScriptNobodyHearsTheGrant"},
	},
	{
		rule: "a grant lasts for the confirmation time",
		file: "turn.lua", old: "take(first, line[first][1], confirm)", new: "take(first, line[first][1], ARGV[6])",
		tests: []string{"TestScriptClusterDoesNotCountWhoHears"},
	},
	{
		rule: "who is not alive is skipped",
		file: "turn.lua", old: "if line[first][3] < now then", new: "if false then",
		tests: []string{"TestScriptSkipsWhoIsNotAlive"},
	},
	{
		rule: "tokens rise, whatever the clock does",
		file: "turn.lua", old: "fence = math.max(fence + 1, now)", new: "fence = now",
		tests: []string{"TestScriptTokensRiseWhenTheClockIsSetBack"},
	},
	{
		rule: "a lease does not last longer because the clock was set back",
		file: "turn.lua", old: "  since = math.min(since, now) -- where the clock was set back\n", new: "",
		tests: []string{"TestScriptLeaseEndsThoughTheClockIsSetBack"},
	},
	{
		rule: "the holder hears that it is wanted",
		file: "turn.lua", old: "redis.call('PUBLISH', inbox .. owner, ", new: "redis.call('ECHO', ",
		tests: []string{"TestScriptTellsTheHolderThatItIsWanted"},
	},
	{
		rule: "a stale call is heard as to what it ends",
		file: "turn.lua", old: "  if conversation > ask then\n    save()\n", new: "  if conversation > ask then\n",
		tests: []string{"TestScriptStaleCallStillSaysWhatWasSpent"},
	},
	{
		rule: "a session is kept as long as a lease in it lasts",
		file: "turn.lua", old: "    keep = math.max(keep, ", new: "    keep = math.min(keep, ",
		tests: []string{"TestScriptAbandonedLeaseOutlivesOtherCalls"},
	},
	{
		rule: "a renewal restores only what Redis has never seen",
		file: "renew.lua", old: "if fence >= tonumber(ARGV[3]) then", new: "if false then",
		tests: []string{
			"TestScriptRenewalOfAnotherLeaseIsLost", "TestScriptRenewalOfALeaseThatRanOutIsLost",
			"TestScriptRenewalDoesNotTakeBackWhatAnotherGotMeanwhile",
		},
	},
	{
		rule: "a late renewal shortens no lease",
		file: "renew.lua", old: "if outcome == 2 or since + ttl < now + ARGV[5] then", new: "do",
		tests: []string{"TestScriptLateCallsShortenNoLease"},
	},
	{
		rule: "a late acquire shortens no lease",
		file: "turn.lua", old: "if since + ttl < now + ARGV[6] then", new: "do",
		tests: []string{"TestScriptLateCallsShortenNoLease"},
	},
	{
		rule: "a renewal restores what Redis has never seen",
		file: "renew.lua", old: "if fence >= tonumber(ARGV[3]) then", new: "if true then",
		tests: []string{"TestScriptRenewalRestoresWhatRedisForgot"},
	},
	{
		rule: "a renewal raises the fence to what was spent",
		file: "renew.lua", old: "fence = math.max(fence, tonumber(ARGV[4]))", new: "",
		tests: []string{"TestScriptRenewalSaysWhatWasSpent"},
	},
}
