/* random-words.h - a policy and a question in words: the policy as YAML that the loader takes */
#ifndef TESTS_UNIT_POLICY_RULES_RANDOM_WORDS_H
#define TESTS_UNIT_POLICY_RULES_RANDOM_WORDS_H

#include "random.h"

static inline const char *words_outcome(enum rules_outcome outcome)
{
	static const char *const names[] = {"permit", "forbid", "ask", "withhold"};

	return names[outcome];
}

static inline const char *words_class(const struct policy *policy, unsigned class)
{
	if (class < CLASS_COUNT)
		return bl_class_name((enum bl_class) class);
	return class - CLASS_COUNT < policy->custom_count ? policy->custom[class - CLASS_COUNT].name
							  : "?";
}

/* ---- lists ------------------------------------------------------------------------------------- */

struct words_list {
	FILE *out;
	unsigned count;
};

static inline void words_item(struct words_list *list, const char *quote, const char *text)
{
	fprintf(list->out, "%s%s%s%s", list->count++ ? ", " : "[", quote, text, quote);
}

static inline void words_end(struct words_list *list)
{
	fputs(list->count ? "]" : "[]", list->out);
}

typedef const char *words_name_fn(unsigned value);

#define WORDS_NAME(kind)                                                                           \
	static inline const char *words_##kind(unsigned value)                                     \
	{                                                                                          \
		return bl_##kind##_name((enum bl_##kind)value);                                    \
	}
WORDS_NAME(action)
WORDS_NAME(device_kind)
WORDS_NAME(device_state)
WORDS_NAME(file_kind)

static inline void words_bits(FILE *out, uint64_t bits, words_name_fn *name)
{
	struct words_list list = {out, 0};

	for (unsigned i = 0; i < 64; i++)
		if (bits >> i & 1)
			words_item(&list, "", name(i));
	words_end(&list);
}

static inline void words_strings(FILE *out, const struct string_list *strings)
{
	struct words_list list = {out, 0};

	for (size_t i = 0; i < strings->count; i++)
		words_item(&list, "'", strings->items[i]);
	words_end(&list);
}

static inline void words_roles(FILE *out, const struct policy *policy, uint64_t roles)
{
	struct words_list list = {out, 0};

	for (size_t i = 0; i < policy->role_count; i++)
		if (roles >> i & 1)
			words_item(&list, "", policy->roles[i].name);
	words_end(&list);
}

static inline void words_classes(FILE *out, const struct policy *policy, bl_classes classes)
{
	struct words_list list = {out, 0};

	for (unsigned i = 0; i < CLASS_LIMIT; i++)
		if (classes >> i & 1)
			words_item(&list, "", words_class(policy, i));
	words_end(&list);
}

/* ---- a rule ------------------------------------------------------------------------------------ */

/* The keys of one map, each with what is to stand before it. */
struct words_map {
	FILE *out;
	const char *name;
	unsigned count;
};

static inline FILE *words_key(struct words_map *map, const char *key)
{
	if (map->count++)
		fprintf(map->out, ", %s: ", key);
	else
		fprintf(map->out, "    %s: {%s: ", map->name, key);
	return map->out;
}

static inline void words_close(struct words_map *map)
{
	if (map->count)
		fputs("}\n", map->out);
}

static inline void words_hours(FILE *out, const struct hours *hours, size_t count)
{
	static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	struct words_list list = {out, 0};

	for (size_t i = 0; i < count; i++)
		for (unsigned day = 0; day < 7; day++) {
			char text[48];

			snprintf(text, sizeof(text), "%s %02d:%02d-%02d:%02d", days[day],
				 hours[i].from_minute / 60, hours[i].from_minute % 60,
				 hours[i].until_minute / 60, hours[i].until_minute % 60);
			if (hours[i].days >> day & 1)
				words_item(&list, "", text);
		}
	words_end(&list);
}

static inline void words_conditions(FILE *out, const char *name, const struct conditions *words)
{
	struct words_map map = {out, name, 0};

	if (words->hours_count)
		words_hours(words_key(&map, "hours"), words->hours, words->hours_count);
	if (words->purposes.count)
		words_strings(words_key(&map, "purpose"), &words->purposes);
	if (words->consent != CONSENT_UNKNOWN)
		fputs(bl_consent_name(words->consent), words_key(&map, "consent"));
	if (words->check != CHECK_NONE)
		fputs(bl_check_name(words->check), words_key(&map, "caller_verified"));
	if (words->approved)
		fputs(words_action(words->approved - 1u), words_key(&map, "approved"));
	words_close(&map);
}

static inline void words_what(FILE *out, const struct policy *policy, const struct rule *rule)
{
	struct words_map map = {out, "what", 0};

	if (rule->device_kinds)
		words_bits(words_key(&map, "devices"), rule->device_kinds, words_device_kind);
	if (rule->ids.count)
		words_strings(words_key(&map, "ids"), &rule->ids);
	if (rule->states)
		words_bits(words_key(&map, "status"), rule->states, words_device_state);
	if (rule->paths.count)
		words_strings(words_key(&map, "paths"), &rule->paths);
	if (rule->file_kinds)
		words_bits(words_key(&map, "kinds"), rule->file_kinds, words_file_kind);
	if (rule->contains)
		words_classes(words_key(&map, "contains"), policy, rule->contains);
	if (rule->max_size_bytes >= 0)
		fprintf(words_key(&map, "max_size"), "%lld", (long long)rule->max_size_bytes);
	words_close(&map);
}

static inline void words_needs(FILE *out, const struct policy *policy, const struct rule *rule)
{
	struct words_map needs = {out, "needs", 0}, limits = {out, "limits", 0};

	if (rule->needs_reason)
		fputs("required", words_key(&needs, "reason"));
	if (rule->approvals.count) {
		fprintf(words_key(&needs, "approvals"),
			"{count: %u, from: ", rule->approvals.count);
		words_roles(out, policy, rule->approvals.from);
		fprintf(out, ", valid: %lldh}", (long long)rule->approvals.valid_seconds / 3600);
	}
	words_close(&needs);
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++)
		if (rule->limits[unit].is_set)
			fprintf(words_key(&limits, bl_unit_name((enum bl_unit)unit)), "%llu per %s",
				(unsigned long long)rule->limits[unit].most,
				bl_period_name(rule->limits[unit].period));
	words_close(&limits);
}

static inline void words_effect(FILE *out, const struct policy *policy, const struct rule *rule)
{
	static const char *const names[] = {"permit", "forbid", "mask", "withhold"};
	struct words_map styles = {out, names[rule->effect], 0};

	if (rule->effect == EFFECT_MASK) {
		for (unsigned i = 0; i < CLASS_LIMIT; i++)
			if (rule->styles[i] != STYLE_NONE)
				fputs(bl_style_name(rule->styles[i]),
				      words_key(&styles, words_class(policy, i)));
		words_close(&styles);
		return;
	}
	fprintf(out, "    %s: ", names[rule->effect]);
	if (rule->effect != EFFECT_WITHHOLD)
		words_bits(out, rule->actions, words_action);
	else if (rule->withhold_kinds == (1u << FILE_KIND_COUNT) - 1)
		fputs("[any]", out);
	else
		words_bits(out, rule->withhold_kinds, words_file_kind);
	fputc('\n', out);
}

static inline void words_rule(FILE *out, const struct policy *policy, const struct rule *rule)
{
	struct words_list where = {out, 0};

	fprintf(out, "  - id: %s\n", rule->id);
	words_effect(out, policy, rule);
	fputs("    who: ", out);
	if (rule->is_for_everyone)
		fputs("everyone", out);
	else
		words_roles(out, policy, rule->roles);
	fputc('\n', out);
	if (rule->workplaces) {
		fputs("    where: ", out);
		for (size_t i = 0; i < policy->workplace_count; i++)
			if (rule->workplaces >> i & 1)
				words_item(&where, "", policy->workplaces[i].name);
		words_end(&where);
		fputc('\n', out);
	}
	words_what(out, policy, rule);
	words_conditions(out, "when", &rule->when);
	words_conditions(out, "unless", &rule->unless);
	words_needs(out, policy, rule);
	fprintf(out, "    why: %s\n", rule->why);
}

/* ---- a policy ---------------------------------------------------------------------------------- */

/* Days since the epoch as a date; good for the years of these tests. */
static inline void words_date(FILE *out, const char *key, int32_t day)
{
	if (day == DAY_NONE)
		return;
	for (unsigned month = 1; month <= 12; month++)
		for (unsigned mday = 1; mday <= 31; mday++) {
			int32_t is;

			if (zone_day(2026, month, mday, &is) && is == day)
				fprintf(out, ", %s: 2026-%02u-%02u", key, month, mday);
		}
}

static inline void words_people(FILE *out, const struct policy *policy)
{
	fputs("people:\n", out);
	for (size_t i = 0; i < policy->person_count; i++) {
		const struct person *person = &policy->people[i];

		fprintf(out, "  '%s': {roles: ", person->name);
		words_roles(out, policy, person->roles);
		words_date(out, "training_expires", person->training_expires_day);
		words_date(out, "insurance_expires", person->insurance_expires_day);
		fputs("}\n", out);
	}
	fputs("roles:\n", out);
	for (size_t i = 0; i < policy->role_count; i++) {
		const struct role *role = &policy->roles[i];

		struct words_list requires = {out, 0};

		fprintf(out, "  %s: {", role->name);
		if (role->needs_training || role->needs_insurance)
			fputs("requires: ", out);
		if (role->needs_training)
			words_item(&requires, "", "training");
		if (role->needs_insurance)
			words_item(&requires, "", "insurance");
		fputs(requires.count ? "]" : "", out);
		if (role->never_with) {
			fprintf(out, "%snever_with: ", requires.count ? ", " : "");
			words_roles(out, policy, role->never_with);
		}
		fputs("}\n", out);
	}
	fputs("workplaces:\n", out);
	for (size_t i = 0; i < policy->workplace_count; i++) {
		fprintf(out, "  %s: {hosts: ", policy->workplaces[i].name);
		words_strings(out, &policy->workplaces[i].hosts);
		fputs("}\n", out);
	}
}

/* Rules of shipped sets come as comments: they cannot be written in a file. */
static inline void words_policy(FILE *out, const struct policy *policy)
{
	struct words_list uses = {out, 0};

	fprintf(out, "bailee: 1\nname: %s\nserial: 1\ntimezone: %s\nuses: ", policy->name,
		policy->zone_name);
	words_item(&uses, "", "builtin/baseline");
	for (size_t i = 0; i < policy->uses.count; i++)
		words_item(&uses, "", policy->uses.items[i]);
	words_end(&uses);
	fputc('\n', out);
	words_people(out, policy);
	fputs("detect:\n  sets: [contact, payment, government-id, health, device, network, "
	      "vehicle, secrets, location]\n  customer: true\n  custom:\n",
	      out);
	for (size_t i = 0; i < policy->custom_count; i++)
		fprintf(out, "    %s: {pattern: '%s', example: %s}\n", policy->custom[i].name,
			policy->custom[i].pattern, policy->custom[i].example);
	fprintf(out, "defaults: {access: forbid, mask: %s, unscanned: withhold}\nrules:\n",
		bl_style_name(policy->default_style));
	for (size_t i = 0; i < policy->rule_count; i++) {
		char *text = NULL;
		size_t size;
		FILE *rule = open_memstream(&text, &size);

		if (!rule)
			abort();
		words_rule(rule, policy, &policy->rules[i]);
		fclose(rule);
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			fprintf(out, "%s%s\n", policy->rules[i].set ? "# " : "", line);
		free(text);
	}
}

/* ---- a question -------------------------------------------------------------------------------- */

static inline void words_who(FILE *out, const struct policy *policy,
			     const struct rules_circumstances *who)
{
	char now[20] = "not known";

	fprintf(out, "as: uid %u, login %s, groups [", who->caller.uid,
		who->caller.login ? who->caller.login : "none");
	for (size_t i = 0; i < who->caller.group_count; i++)
		fprintf(out, "%s%s", i ? ", " : "", who->caller.groups[i]);
	if (who->is_clock_trusted)
		rules_local_time(policy, who->now_unix, now);
	fprintf(out, "], at %s, purpose %s, host %s, workplace %s, reason %s%s%s\n", now,
		who->purpose ? who->purpose : "none", who->host ? who->host : "none",
		who->workplace ? who->workplace : "by host", who->has_reason ? "given" : "none",
		who->role ? ", in the role " : "", who->role ? who->role : "");
}

static inline void words_facts(FILE *out, const struct policy *policy, const struct question *q)
{
	if (!q->device)
		fputs("no device", out);
	else
		fprintf(out, "device %s, id %s",
			q->device->kind < 0 ? "?" : words_device_kind((unsigned)q->device->kind),
			q->device->id ? q->device->id : "?");
	fprintf(out, ", status %s, file %s",
		q->state < 0 ? "?" : words_device_state((unsigned)q->state),
		q->path ? q->path : "?");
	if (q->other_path)
		fprintf(out, " (and %s)", q->other_path);
	fprintf(out, ", kind %s, size %lld, consent %s, caller_verified %s\n    has ",
		q->kind < 0 ? "?" : words_file_kind((unsigned)q->kind), (long long)q->size_bytes,
		bl_consent_name(q->consent), bl_check_name(q->check));
	words_classes(out, policy, q->has);
	fprintf(out, "%s%s%s%s%s\n", q->is_whole_known ? "" : " and perhaps more",
		q->is_unscanned ? ", not looked through" : "", q->is_paid ? ", paid" : "",
		q->is_directory ? ", a directory" : "",
		q->is_log_writable ? "" : ", log not writable");
}

static inline void words_question(FILE *out, const struct policy *policy, const struct question *q)
{
	if (!q)
		return;
	fprintf(out, "%s%s%s: ", words_action(q->action), q->action == ACTION_UNMASK ? " " : "",
		q->action == ACTION_UNMASK ? words_class(policy, q->class) : "");
	words_who(out, policy, q->who);
	fputs("    ", out);
	words_facts(out, policy, q);
	for (unsigned unit = 0; unit < UNIT_COUNT; unit++)
		for (unsigned period = 0; period < PERIOD_COUNT; period++)
			if (q->used.amount[unit][period])
				fprintf(out, "    used: %s %llu per %s\n",
					bl_unit_name((enum bl_unit)unit),
					(unsigned long long)q->used.amount[unit][period],
					bl_period_name((enum bl_period)period));
	for (size_t i = 0; i < q->approval_count; i++) {
		const struct rules_approval *approval = &q->approvals[i];

		fprintf(out, "    approved by uid %u ", approval->giver);
		words_roles(out, policy, approval->roles);
		fprintf(out, ", request %llu, %llds ago, of %s, class %s\n",
			(unsigned long long)approval->request,
			(long long)(q->who->now_unix - approval->given_unix),
			approval->action < 0 ? "anything"
					     : words_action((unsigned)approval->action),
			approval->class < 0 ? "any"
					    : words_class(policy, (unsigned)approval->class));
	}
}

#endif
