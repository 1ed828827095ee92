/* The facts of `policy explain`, in the words that tests in a file use. What is not stated is unknown or none as there. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/cli/policy.h"
#include "policy/yaml/yaml.h"

/* ---- numbers ---------------------------------------------------------------------------------------- */

/* "20", "20K", "20M", "20G"; what is left stands behind *out_rest. */
static bool take_amount(const char *text, const char **out_rest, uint64_t *out)
{
	static const char UNITS[] = "KMG";
	size_t digits = strspn(text, "0123456789");
	char number[16];

	if (!digits || digits >= sizeof(number))
		return false;
	memcpy(number, text, digits);
	number[digits] = '\0';
	if (!cli_parse_number(number, INT64_MAX, out))
		return false;
	text += digits;

	const char *unit = *text ? strchr(UNITS, *text) : NULL;

	for (size_t k = 0; unit && k <= (size_t)(unit - UNITS); k++)
		if (__builtin_mul_overflow(*out, UINT64_C(1024), out))
			return false;
	*out_rest = unit ? text + 1 : text;
	return *out <= INT64_MAX;
}

static bool take_used(const char *word, struct rules_used *used)
{
	const char *equals = strchr(word, '='), *rest;
	enum bl_period period;
	enum bl_unit unit;
	uint64_t amount;
	char name[16];

	if (!equals || (size_t)(equals - word) >= sizeof(name))
		return false;
	memcpy(name, word, (size_t)(equals - word));
	name[equals - word] = '\0';
	if (!bl_unit_parse(name, &unit) || !take_amount(equals + 1, &rest, &amount) ||
	    strncmp(rest, " per ", 5) != 0 || !bl_period_parse(rest + 5, &period))
		return false;
	used->amount[unit][period] = amount;
	return true;
}

/* The policy tells its wall clock by the instant; going back, an hour off is put right with the second step. */
static bool take_moment(const struct policy *policy, const char *text, int64_t *out_unix)
{
	struct tm wanted = {0}, shown;
	char local[20];
	const char *end = strptime(text, "%Y-%m-%d %H:%M", &wanted);

	if (!end || *end || strlen(text) != strlen("2026-07-01 10:00"))
		return false;

	struct tm normal = wanted;
	int64_t target = (int64_t)timegm(&normal), at = target;

	for (int step = 0; step < 3; step++) {
		rules_local_time(policy, at, local);
		if (strcmp(local, text) == 0) {
			*out_unix = at;
			return true;
		}
		memset(&shown, 0, sizeof(shown));
		if (!strptime(local, "%Y-%m-%d %H:%M", &shown))
			return false;
		at += target - (int64_t)timegm(&shown);
	}
	return false;
}

/* ---- names of the policy ----------------------------------------------------------------------------- */

/* Is @name a key of @section? A role or a workplace that is misspelt would give a true answer to another question. */
static bool is_named(const char *file, const char *section, const char *name)
{
	BL_CLEANUP(yaml_free) struct yaml_document *document = NULL;
	BL_CLEANUP(bl_free) char *text = NULL;
	size_t length;

	return cli_read_file(file, YAML_SIZE_LIMIT, &text, &length, NULL) == BL_OK &&
	       yaml_parse(text, length, &document, NULL) == BL_OK &&
	       yaml_get(yaml_get(yaml_root(document), section), name);
}

/* ---- words ------------------------------------------------------------------------------------------- */

static bool take_has(const struct policy *policy, struct policy_question *question)
{
	struct rules_facts *facts = &question->facts;
	bool is_good = true;

	facts->is_whole_known = true;
	if (!question->has || strcmp(question->has, "none") == 0)
		return true;
	if (strcmp(question->has, "unknown") == 0) {
		facts->is_whole_known = false;
		facts->is_unscanned = true;
		return true;
	}

	BL_CLEANUP(bl_free) char *words = strdup(question->has);
	char *rest = words;

	for (char *word; is_good && (word = strsep(&rest, ","));) {
		unsigned class = 0;

		is_good = policy_class_parse(policy, word, &class);
		if (is_good)
			facts->has |= CLASS_BIT(class);
	}
	return words && is_good;
}

static bool take_all_used(struct policy_question *question)
{
	bool is_good = true;

	question->facts.used = &question->used_value;
	if (!question->used)
		return true;

	BL_CLEANUP(bl_free) char *words = strdup(question->used);
	char *rest = words;

	for (char *word; is_good && (word = strsep(&rest, ","));)
		is_good = take_used(word, &question->used_value);
	return words && is_good;
}

static bool take_device_kind(struct policy_question *question)
{
	enum bl_device_kind kind;

	if (!question->device)
		return true;
	if (!bl_device_kind_parse(question->device, &kind))
		return false;
	question->device_value.kind = (int)kind;
	return true;
}

static bool take_file_kind(struct policy_question *question)
{
	enum bl_file_kind kind;

	if (!question->kind)
		return true;
	if (!bl_file_kind_parse(question->kind, &kind))
		return false;
	question->facts.kind = (int)kind;
	return true;
}

static bool take_state(struct policy_question *question)
{
	enum bl_device_state state;

	if (!question->state)
		return true;
	if (!bl_device_state_parse(question->state, &state))
		return false;
	question->facts.state = (int)state;
	return true;
}

static bool take_size(struct policy_question *question)
{
	const char *rest;
	uint64_t size;

	if (!question->size)
		return true;
	if (!take_amount(question->size, &rest, &size) || *rest)
		return false;
	question->facts.size_bytes = (int64_t)size;
	return true;
}

int policy_take_facts(const struct invocation *invocation, const struct policy *policy,
		      struct policy_question *question)
{
	struct rules_facts *facts = &question->facts;
	const struct {
		bool is_good;
		const char *fault;
	} CHECKS[] = {
		{take_device_kind(question),
		 "--device names no kind of device (phone laptop usb-stick ...)"},
		{!question->id || bl_device_id_ok(question->id), "--id is no device id"},
		{take_file_kind(question), "--kind names no kind of file (text mail image ...)"},
		{take_state(question), "--state names no state (received open closed held ...)"},
		{take_size(question), "--size needs bytes, or a number with K, M or G: 5M"},
		{!question->class ||
			 policy_class_parse(policy, question->class, &question->class_value),
		 "--class names no class of personal data (email card phone ...)"},
		{question->action != ACTION_UNMASK || question->class,
		 "unmask needs --class: each class is decided on its own"},
		{!question->consent || bl_consent_parse(question->consent, &facts->consent),
		 "--consent is granted or withdrawn"},
		{!question->caller_verified ||
			 bl_check_parse(question->caller_verified, &facts->caller_check),
		 "--caller-verified is one-factor or two-factor"},
		{take_has(policy, question),
		 "--has names no classes (card,email), nor is it 'unknown'"},
		{take_all_used(question), "--used needs a rate: 'files=200 per hour'"},
		{!question->at || take_moment(policy, question->at, &question->now_unix),
		 "--at needs a moment of the policy's zone: '2026-07-01 10:00'"},
		{!question->role || is_named(question->file, "roles", question->role),
		 "--role names no role of this policy"},
		{!question->where || is_named(question->file, "workplaces", question->where),
		 "--where names no workplace of this policy"},
		{!question->path || question->path[0] == '/',
		 "a path begins at the partition: /Users/kim/notes.txt"},
	};

	for (size_t i = 0; i < BL_COUNT(CHECKS); i++) {
		struct bl_error why;

		if (!CHECKS[i].is_good)
			return cli_fail(invocation,
					bl_fail(&why, BL_INVALID, "%s", CHECKS[i].fault), &why);
	}
	return -1;
}
