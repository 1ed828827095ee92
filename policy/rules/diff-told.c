#include "policy/rules/diff-told.h"

#include <stdio.h>
#include <string.h>

static bool has_room(const struct tellings *tellings, bool is_wider)
{
	size_t told = is_wider ? tellings->wider : tellings->count - tellings->wider;

	return told < TOLD_LIMIT;
}

bool tellings_is_known(const struct tellings *tellings, const char *who, unsigned topic,
		       const struct told_answer *before, const struct told_answer *after)
{
	for (size_t i = 0; i < tellings->count; i++) {
		const struct told *told = &tellings->items[i];

		if (told->topic == topic && strcmp(told->difference.who, who) == 0 &&
		    told->before.rank == before->rank && told->after.rank == after->rank &&
		    strcmp(told->before.rule, before->rule) == 0 &&
		    strcmp(told->after.rule, after->rule) == 0)
			return true;
	}
	return !has_room(tellings, after->rank > before->rank);
}

static void say(const struct told_answer *answer, char out[120])
{
	snprintf(out, 120, "%.50s (%.63s)", answer->words, answer->rule);
}

void tellings_add(struct tellings *tellings, const char *who, unsigned topic,
		  const struct told_answer *before, const struct told_answer *after,
		  const char *question)
{
	struct told *told;

	if (!has_room(tellings, after->rank > before->rank))
		return;
	told = &tellings->items[tellings->count++];
	*told = (struct told){.before = *before, .after = *after, .topic = topic};
	told->difference.is_wider = after->rank > before->rank;
	tellings->wider += told->difference.is_wider;
	told->difference.who = who;
	told->difference.rule = after->rule;
	snprintf(told->difference.question, sizeof(told->difference.question), "%s", question);
	say(before, told->difference.before);
	say(after, told->difference.after);
}

/* Nothing, then somebody else has to say yes, then the name but not the contents, then all of it. */
struct told_answer diff_answer(const struct rules_decision *decision)
{
	static const struct {
		unsigned rank;
		const char *words;
	} outcomes[] = {
		[RULES_FORBID] = {0, "forbid"},
		[RULES_ASK] = {1, "ask"},
		[RULES_WITHHOLD] = {2, "withhold"},
		[RULES_PERMIT] = {3, "permit"},
	};

	return (struct told_answer){outcomes[decision->outcome].rank,
				    outcomes[decision->outcome].words, decision->rule};
}
