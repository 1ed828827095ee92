/* The customer's notice: the policy in words for somebody who has never seen one. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rules/check.h"
#include "policy/rules/decide.h"
#include "policy/rules/promise.h"

#define BIT(action) (UINT32_C(1) << (action))
#define LOOKS	    PROMISE_LOOKS

struct notice {
	FILE *out;
	const struct policy *policy;
};

/* ---- words -------------------------------------------------------------------------------------------------- */

/* Text of the file as Markdown: what would be markup, or HTML, is only text. */
static void put_text(const struct notice *notice, const char *text)
{
	for (; *text; text++) {
		if (strchr("\\`*_[]<>#|&~", *text))
			fputc('\\', notice->out);
		fputc(*text, notice->out);
	}
}

/* "privacy-officer" reads "privacy officer". */
static void put_name(const struct notice *notice, const char *name)
{
	for (; *name; name++)
		if (*name == '-')
			fputc(' ', notice->out);
		else
			put_text(notice, (const char[]){*name, '\0'});
}

static void put(const struct notice *notice, const char *format, ...) BL_PRINTF(2, 3);
static void put(const struct notice *notice, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(notice->out, format, arguments);
	va_end(arguments);
}

/* "a", "a and b", "a, b and c". */
static void put_between(const struct notice *notice, size_t at, size_t count)
{
	if (at)
		put(notice, at + 1 == count ? " and " : ", ");
}

static void put_names(const struct notice *notice, const struct string_list *names)
{
	for (size_t i = 0; i < names->count; i++) {
		put_between(notice, i, names->count);
		put_name(notice, names->items[i]);
	}
}

static void put_bits(const struct notice *notice, uint64_t bits,
		     const char *(*name)(const struct policy *, unsigned))
{
	size_t count = (size_t)__builtin_popcountll(bits), at = 0;

	for (unsigned i = 0; i < 64; i++) {
		if (!(bits >> i & 1))
			continue;
		put_between(notice, at++, count);
		put_name(notice, name(notice->policy, i));
	}
}

static const char *role_name(const struct policy *policy, unsigned role)
{
	return policy->roles[role].name;
}

static const char *workplace_name(const struct policy *policy, unsigned workplace)
{
	return policy->workplaces[workplace].name;
}

static const char *device_kind_name(const struct policy *policy BL_UNUSED, unsigned kind)
{
	return bl_device_kind_name((enum bl_device_kind)kind);
}

static const char *file_kind_name(const struct policy *policy BL_UNUSED, unsigned kind)
{
	return bl_file_kind_name((enum bl_file_kind)kind);
}

static const char *state_name(const struct policy *policy BL_UNUSED, unsigned state)
{
	return bl_device_state_name((enum bl_device_state)state);
}

static const char *style_words(unsigned style)
{
	static const char *const words[] = {
		[STYLE_FILL] = "hidden completely",
		[STYLE_SHAPE] = "hidden, only its shape can be seen",
		[STYLE_TOKEN] = "replaced by a made-up mark",
		[STYLE_KEEP_DOMAIN] = "hidden but for what stands behind the @",
		[STYLE_YEAR_ONLY] = "hidden but for the year",
		[STYLE_KEEP_LAST_4] = "hidden but for the last four digits",
		[STYLE_KEEP_FIRST_6_LAST_4] = "hidden but for the first six and last four digits",
	};

	return style < STYLE_COUNT ? words[style] : "shown";
}

static void put_span(const struct notice *notice, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *word;
	} units[] = {
		{31536000, "year"}, {86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
	size_t i = 0;

	/* a day or two are promised in hours */
	while (seconds % units[i].seconds || (units[i].seconds == 86400 && seconds < 3 * 86400))
		i++;
	put(notice, "%lld %s%s", (long long)(seconds / units[i].seconds), units[i].word,
	    seconds == units[i].seconds ? "" : "s");
}

static void put_days(const struct notice *notice, unsigned days)
{
	static const char *const names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
					    "Friday", "Saturday", "Sunday"};
	bool is_first = true;

	for (unsigned day = 0; day < 7; day++) {
		unsigned last = day;

		if (!(days >> day & 1))
			continue;
		while (last < 6 && days >> (last + 1) & 1)
			last++;
		put(notice, "%s%s", is_first ? "" : ", ", names[day]);
		if (last > day)
			put(notice, " to %s", names[last]);
		is_first = false;
		day = last;
	}
}

static void put_hours(const struct notice *notice, const struct hours *hours, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		put_between(notice, i, count);
		put_days(notice, hours[i].days);
		put(notice, " %02u:%02u to %02u:%02u", hours[i].from_minute / 60u,
		    hours[i].from_minute % 60u, hours[i].until_minute / 60u,
		    hours[i].until_minute % 60u);
	}
}

/* ---- a rule in words ------------------------------------------------------------------------------------------- */

static void put_who(const struct notice *notice, const struct rule *rule)
{
	put(notice, "**");
	if (rule->is_for_everyone)
		put(notice, "everybody who works here");
	else
		put_bits(notice, rule->roles, role_name);
	put(notice, "**");
}

static void put_what(const struct notice *notice, const struct rule *rule)
{
	if (rule->device_kinds) {
		put(notice, ", on a device of the kind ");
		put_bits(notice, rule->device_kinds, device_kind_name);
	}
	if (rule->states) {
		put(notice, ", while it is ");
		put_bits(notice, rule->states, state_name);
	}
	if (rule->ids.count)
		put(notice, ", of certain orders");
	if (rule->paths.count)
		put(notice, ", in certain folders");
	if (rule->file_kinds) {
		put(notice, ", only files of the kind ");
		put_bits(notice, rule->file_kinds, file_kind_name);
	}
}

/* Each condition behind @first, and those after it behind a comma. */
static void put_conditions(const struct notice *notice, const struct conditions *conditions,
			   const char *first)
{
	const char *before = first;

	if (conditions->purposes.count) {
		put(notice, "%sfor the purpose of ", before);
		put_names(notice, &conditions->purposes);
		before = ", ";
	}
	if (conditions->consent) {
		put(notice, "%s%s", before,
		    conditions->consent == CONSENT_GRANTED
			    ? "as long as your consent is on record"
			    : "once you have withdrawn your consent");
		before = ", ";
	}
	if (conditions->check) {
		put(notice, "%safter you have passed %s on the phone", before,
		    conditions->check == CHECK_TWO_FACTOR ? "two checks" : "a check");
		before = ", ";
	}
	if (conditions->hours_count) {
		put(notice, "%s", before);
		put_hours(notice, conditions->hours, conditions->hours_count);
		before = ", ";
	}
	if (conditions->approved) {
		const char *name = bl_action_name((enum bl_action)(conditions->approved - 1));

		put(notice, "%sonce a%s %s was approved", before, strchr("aeiou", *name) ? "n" : "",
		    name);
	}
}

static void put_when(const struct notice *notice, const struct rule *rule)
{
	put_conditions(notice, &rule->when, ", ");
	if (rule->workplaces) {
		put(notice, ", only on our own machines (");
		put_bits(notice, rule->workplaces, workplace_name);
		put(notice, ")");
	}
	put_conditions(notice, &rule->unless, ", but not ");
}

static void put_needs(const struct notice *notice, const struct rule *rule)
{
	if (rule->needs_reason)
		put(notice, ", with a reason that is recorded");
	if (rule->approvals.count) {
		put(notice, ", after %u other %s (", rule->approvals.count,
		    rule->approvals.count == 1 ? "person has agreed" : "people have agreed");
		put_bits(notice, rule->approvals.from, role_name);
		put(notice, ")");
	}
}

static void put_why(const struct notice *notice, const struct rule *rule)
{
	size_t length = strlen(rule->why);

	put(notice, ". ");
	put_text(notice, rule->why);
	put(notice, length && strchr(".!?", rule->why[length - 1]) ? "\n" : ".\n");
}

/* "- **technician**, on a laptop, for repair. Repairs need a look." */
static void put_rule(const struct notice *notice, const struct rule *rule)
{
	put(notice, "- ");
	put_who(notice, rule);
	put_what(notice, rule);
	put_when(notice, rule);
	put_needs(notice, rule);
	put_why(notice, rule);
}

typedef bool rule_test_fn(const struct rule *rule);

static size_t put_rules(const struct notice *notice, rule_test_fn *is_meant)
{
	size_t count = 0;

	for (size_t i = 0; i < notice->policy->rule_count; i++)
		if (is_meant(&notice->policy->rules[i])) {
			put_rule(notice, &notice->policy->rules[i]);
			count++;
		}
	return count;
}

static bool has_rule(const struct notice *notice, rule_test_fn *is_meant)
{
	for (size_t i = 0; i < notice->policy->rule_count; i++)
		if (is_meant(&notice->policy->rules[i]))
			return true;
	return false;
}

static bool is_read(const struct rule *rule)
{
	return rule->effect == EFFECT_PERMIT && rule->actions & BIT(ACTION_READ);
}

/* A rule about what no detector finds closes nothing. */
static bool is_closing(const struct policy *policy, const struct rule *rule)
{
	bool is_against =
		rule->effect == EFFECT_WITHHOLD ||
		(rule->effect == EFFECT_FORBID && rule->actions & (LOOKS | BIT(ACTION_UNMASK)));

	return is_against && (!rule->contains || rule->contains & promise_classes(policy));
}

/* What a customer may have agreed to. */
static bool is_use(const struct rule *rule)
{
	return promise_is_look(rule) || promise_is_copy(rule) || promise_is_unmask(rule);
}

static bool asks_consent(const struct rule *rule)
{
	return is_use(rule) && rule->when.consent == CONSENT_GRANTED;
}

static bool is_without_consent(const struct rule *rule)
{
	return is_use(rule) && rule->when.consent != CONSENT_GRANTED;
}

static bool is_review(const struct rule *rule)
{
	return rule->effect == EFFECT_PERMIT && rule->actions & BIT(ACTION_REVIEW);
}

/* What the policy states, or what is to be filled in; the sentence it ends has its own full stop. */
static void put_stated(const struct notice *notice, const char *text, const char *blank)
{
	BL_CLEANUP(bl_free) char *copy = text ? strdup(text) : NULL;
	size_t length = copy ? strlen(copy) : 0;

	if (length && copy[length - 1] == '.')
		copy[length - 1] = '\0';
	if (copy)
		put_text(notice, copy);
	else
		put(notice, "%s", blank);
}

static void put_contact(const struct notice *notice, const char *blank)
{
	put_stated(notice, policy_report(notice->policy)->contact, blank);
}

/* ---- the sections of the notice ------------------------------------------------------------------------------ */

static void put_head(const struct notice *notice)
{
	put(notice, "# What happens with your device and what is on it\n\n");
	put_text(notice, notice->policy->name);
	put(notice,
	    "\n\nYou leave a device with us. This notice says what we look at, what for, what "
	    "stays "
	    "hidden from us, how long we keep it and what you can ask of us. It is made from the "
	    "rules in force (number %llu), and those rules are enforced by the machine that holds "
	    "your data: what is not listed here is not permitted.\n\n"
	    "Responsible for it: ",
	    (unsigned long long)notice->policy->serial);
	put_contact(notice, "[your company's name], [your address], [how to reach you]");
	put(notice, ".\n\n");
}

static void put_looks(const struct notice *notice)
{
	put(notice, "## What we look at, and what for\n\n");
	if (!put_rules(notice, promise_is_look))
		put(notice, "Nobody here looks at what is on your device.\n");
	else
		put(notice, "\nNobody else looks at it, and nobody for another purpose.\n");
	if (has_rule(notice, is_read))
		put(notice,
		    "\nContents are looked into in a sealed place: they are shown on a screen "
		    "that carries the name of who looks, and no program can copy them out of "
		    "it. What somebody has seen they can remember, or photograph.\n");
	put(notice, "\n");
}

/* Does this mask change what the default does? One of a shipped set never lifts it: it can only be stricter. */
static bool is_change(const struct policy *policy, const struct rule *rule, unsigned class)
{
	unsigned style, fallback = bl_style_fitted(policy->default_style, class);

	if (rule->effect != EFFECT_MASK || rule->styles[class] >= STYLE_COUNT)
		return false;
	style = bl_style_fitted(rule->styles[class], class);
	return rule->set ? style < fallback : style != fallback;
}

/* Does some rule? Then stricter ones are worth a line as well. */
static bool is_styled(const struct policy *policy, unsigned class)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (is_change(policy, &policy->rules[i], class))
			return true;
	return false;
}

static void put_mask(const struct notice *notice, const struct rule *rule, unsigned class)
{
	put(notice, "- To ");
	put_who(notice, rule);
	put_what(notice, rule);
	put_when(notice, rule);
	put(notice, ", ");
	put_name(notice, promise_class_words(notice->policy, class));
	put(notice, ": %s.\n", style_words(bl_style_fitted(rule->styles[class], class)));
}

static void put_masks(const struct notice *notice)
{
	const struct policy *policy = notice->policy;
	bl_classes found = promise_classes(policy);
	size_t count = 0;

	for (size_t i = 0; i < policy->rule_count; i++)
		for (unsigned class = 0; class < CLASS_LIMIT; class ++) {
			const struct rule *rule = &policy->rules[i];

			if (rule->effect != EFFECT_MASK || rule->styles[class] >= STYLE_COUNT ||
			    !(found >> class & 1) || !is_styled(policy, class))
				continue;
			if (!count++)
				put(notice,
				    ", unless one of these lines says otherwise; where several "
				    "of them meet, the strictest counts:\n\n");
			put_mask(notice, rule, class);
		}
	put(notice, count ? "" : ".\n");
}

/* "- To **everybody who works here**: image and video files, in certain folders. Photos are never shown." */
static void put_closed(const struct notice *notice, const struct rule *rule)
{
	uint32_t all = (UINT32_C(1) << FILE_KIND_COUNT) - 1;
	bl_classes holding = rule->contains & promise_classes(notice->policy);

	put(notice, "- To ");
	put_who(notice, rule);
	put(notice, ": ");
	if (rule->effect == EFFECT_FORBID && !(rule->actions & LOOKS)) {
		put(notice, holding ? "what the filter hides of " : "all that the filter hides");
		put_bits(notice, holding, promise_class_words);
	} else {
		put(notice, "files");
		if (rule->effect == EFFECT_WITHHOLD && (rule->withhold_kinds & all) != all) {
			put(notice, " of the kind ");
			put_bits(notice, rule->withhold_kinds, file_kind_name);
		}
		if (holding) {
			put(notice, " in which the filter finds ");
			put_bits(notice, holding, promise_class_words);
		}
	}
	put_what(notice, rule);
	put_when(notice, rule);
	put_why(notice, rule);
}

static void put_all_closed(const struct notice *notice)
{
	size_t count = 0;

	for (size_t i = 0; i < notice->policy->rule_count; i++) {
		const struct rule *rule = &notice->policy->rules[i];

		if (!is_closing(notice->policy, rule))
			continue;
		if (!count++)
			put(notice, "These stay closed:\n\n");
		put_closed(notice, rule);
	}
	put(notice, count ? "\n" : "");
}

static void put_unmasks(const struct notice *notice)
{
	bl_classes found = promise_classes(notice->policy);
	size_t count = 0;

	for (size_t i = 0; i < notice->policy->rule_count; i++) {
		const struct rule *rule = &notice->policy->rules[i];

		if (!promise_is_unmask(rule) || (rule->contains && !(rule->contains & found)))
			continue;
		if (!count++)
			put(notice, "What the filter hides is shown, item by item, only so:\n\n");
		put(notice, "- ");
		if (rule->contains)
			put_bits(notice, rule->contains & found, promise_class_words);
		else
			put(notice, "everything that may be shown");
		put(notice, " to\n  ");
		put_rule(notice, rule);
	}
	put(notice, count ? "\n" : "Nobody sees what the filter hides.\n\n");
}

static void put_hidden(const struct notice *notice)
{
	put(notice, "## What stays hidden from us\n\nWe see contents only through a filter. It "
		    "looks for ");
	put_bits(notice, promise_classes(notice->policy), promise_class_words);
	put(notice, ". What it finds is %s", style_words(notice->policy->default_style));
	put_masks(notice);
	put(notice, "\nCard numbers are never shown in full; passwords, access keys, card PINs and "
		    "security codes that it finds are always hidden completely. A filter can miss "
		    "something: we do not promise that it finds everything.\n\n");
	put_all_closed(notice);
	put_unmasks(notice);
}

static void put_receivers(const struct notice *notice)
{
	put(notice, "## Who may receive it\n\n");
	if (!has_rule(notice, promise_is_copy)) {
		put(notice,
		    "Nobody. Contents are not copied out, and not handed on to anybody.\n\n");
		return;
	}
	put(notice, "Contents may be copied out only so:\n\n");
	(void)put_rules(notice, promise_is_copy);
	put(notice, "\nNobody else receives any of it.\n\n");
}

/* Without a section of its own it is destroyed at once. */
static void put_within(const struct notice *notice, int64_t seconds)
{
	put(notice, seconds ? "within " : "at once");
	if (seconds)
		put_span(notice, seconds);
}

static void put_choice(const struct notice *notice)
{
	put(notice, "## Your choice\n\n");
	if (!has_rule(notice, asks_consent)) {
		put(notice,
		    "No work here rests on your consent: what is listed above happens because "
		    "you gave us the device for it. You may ask us to stop at any time: ");
		put_contact(notice, "[how to reach you]");
		put(notice, ".\n\n");
		return;
	}
	put(notice,
	    "You may refuse your consent, and you may withdraw it at any time: tell us at ");
	put_contact(notice, "[how to reach you]");
	put(notice, ". Without it none of this happens:\n\n");
	(void)put_rules(notice, asks_consent);
	put(notice, "\nIf you withdraw it, nobody opens your data from then on, and our copy is "
		    "destroyed ");
	put_within(notice, notice->policy->consent_seconds);
	put(notice, ", unless we must keep it as said below.\n");
	if (has_rule(notice, is_without_consent)) {
		put(notice, "\nThis does not rest on consent:\n\n");
		(void)put_rules(notice, is_without_consent);
	}
	put(notice, "\n");
}

/* "30 days after we took it in" and its like; the first that comes counts. */
static void put_dates(const struct notice *notice, const struct retention_entry *entry)
{
	const struct {
		int64_t seconds;
		const char *words;
	} dates[] = {
		{entry->after_intake_seconds, " after we took it in"},
		{entry->after_last_open_seconds, " after it was last looked at"},
		{entry->after_closed_seconds, " after your order was closed"},
		{entry->destroy_by_seconds, " after we took it in, at the latest"},
	};
	size_t told = 0;

	for (size_t i = 0; i < BL_COUNT(dates); i++) {
		if (dates[i].seconds <= 0)
			continue;
		put(notice, told++ ? ", or " : " is destroyed ");
		put_span(notice, dates[i].seconds);
		put(notice, "%s", dates[i].words);
	}
	if (told > 1)
		put(notice, ", whichever comes first");
	if (entry->keep_at_least_seconds > 0) {
		put(notice, told ? "; it is kept for at least " : " is kept for at least ");
		put_span(notice, entry->keep_at_least_seconds);
		put(notice, entry->paths.count ? ", and all else on the device as long" : "");
	}
	put(notice, told && entry->paths.count ? ". Where it cannot be destroyed by itself, all "
						 "that was on the device goes then.\n"
					       : ".\n");
}

static void put_entry(const struct notice *notice, const struct retention_entry *entry)
{
	bool is_all = !entry->device_kinds && !entry->states && !entry->ids.count;

	put(notice, entry->paths.count ? "- What was in certain folders of " : "- What was on ");
	put(notice, is_all ? "your device" : "a device");
	if (entry->device_kinds) {
		put(notice, " of the kind ");
		put_bits(notice, entry->device_kinds, device_kind_name);
	}
	if (entry->ids.count)
		put(notice, " of certain orders");
	if (entry->states) {
		put(notice, " that is ");
		put_bits(notice, entry->states, state_name);
	}
	put_dates(notice, entry);
}

/* `longest` and `review_every` remind those who hold; neither ends a hold. */
static void put_holds(const struct notice *notice)
{
	const struct rules_holds *holds = &notice->policy->holds;

	put(notice, ", unless a hold stops that: somebody has to say why, and that is recorded.");
	if (holds->review_every_seconds) {
		put(notice, " Whether it is still needed is to be looked at again every ");
		put_span(notice, holds->review_every_seconds);
		put(notice, ".");
	}
	if (holds->longest_seconds) {
		put(notice, " After ");
		put_span(notice, holds->longest_seconds);
		put(notice, " we are reminded of it as overdue until it is released.");
	}
	if (holds->release_approvals)
		put(notice, " To release it, %u other %s to agree.", holds->release_approvals,
		    holds->release_approvals == 1 ? "person has" : "people have");
	put(notice, "\n\n");
}

static void put_keeping(const struct notice *notice)
{
	const struct policy *policy = notice->policy;

	put(notice, "## How long we keep it\n\n");
	for (size_t i = 0; i < policy->retention_count; i++)
		put_entry(notice, &policy->retention[i]);
	put(notice, "%sNothing is kept for longer than %d days after we took it in",
	    policy->retention_count ? "\n" : "", RULES_LONGEST_DAYS);
	put_holds(notice);
}

static void put_proof(const struct notice *notice)
{
	const struct policy *policy = notice->policy;

	put(notice,
	    "## How it is destroyed, and how you know\n\nOur copy, or the only keys to it where "
	    "it is encrypted, is overwritten, and that is read back, before it is deleted; what we "
	    "noted of you beside it goes too.");
	if (policy->verify_percent >= 100)
		put(notice, " Every destruction is to be looked at again by somebody who neither "
			    "asked for it nor agreed to it.");
	else if (policy->verify_percent)
		put(notice,
		    " Of each month's destructions %u in every 100, drawn so that anybody can "
		    "check the draw, are to be looked at again by somebody who neither asked for "
		    "them nor agreed to them.",
		    policy->verify_percent);
	if (policy->has_certificate)
		put(notice, " You can have a certificate of it.");
	put(notice, "\n\n");
}

static void put_record(const struct notice *notice)
{
	const struct rules_audit *audit = &notice->policy->audit;

	put(notice,
	    "## Who looked is recorded\n\nEvery look at your data is recorded: who, when, at "
	    "what and why.");
	if (audit->keep_seconds) {
		put(notice, " The record is kept for ");
		put_span(notice, audit->keep_seconds);
		put(notice, ".");
	}
	if (audit->tell_customer)
		put(notice, " You can have a report of it: who looked, when and why.");
	put(notice, "\n\n");
	if (!has_rule(notice, is_review))
		return;
	put(notice, "The record is read by:\n\n");
	(void)put_rules(notice, is_review);
	put(notice, "\n");
}

static void put_rights(const struct notice *notice)
{
	put(notice, "## Ask, complain, have it deleted\n\n"
		    "Ask us what we hold, have it corrected or have it destroyed: ");
	put_contact(notice, "[your address], [how to reach you]");
	put(notice, ". If you ask us to destroy it, and we have seen that it is you who asks, that "
		    "happens ");
	put_within(notice, notice->policy->request_seconds);
	put(notice, ", unless we must keep it as said above.");
	put(notice, " You may complain to us, and to the authority for data protection: ");
	put_stated(notice, policy_report(notice->policy)->complain,
		   "[your authority and its address]");
	put(notice, ".\n");
}

enum bl_status rules_publish(FILE *out, const struct policy *policy)
{
	const struct notice notice = {out, policy};

	put_head(&notice);
	put_looks(&notice);
	put_hidden(&notice);
	put_receivers(&notice);
	put_choice(&notice);
	put_keeping(&notice);
	put_proof(&notice);
	put_record(&notice);
	put_rights(&notice);
	return ferror(out) ? BL_IO : BL_OK;
}
