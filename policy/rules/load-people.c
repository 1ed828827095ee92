/* Who works here, as what, and where. */
#include <stdlib.h>
#include <string.h>

#include "policy/rules/load.h"

static void load_one_role(struct loader *loader, const struct yaml_node *node, struct role *role)
{
	static const struct load_key KEYS[] = {
		{"requires", KEY_OPTIONAL, NULL},
		{"never_with", KEY_OPTIONAL, NULL},
	};
	const struct yaml_node *requires = yaml_get(node, "requires");
	const char *text;

	role->at = load_at(node->key);
	(void)load_name(loader, node->key, &role->name);
	if (strcmp(node->key->text, "everyone") == 0)
		load_error(loader, load_at(node->key), "choose another name",
			   "'everyone' is every person of the policy, not a role");
	if (node->type == YAML_SCALAR) {
		load_error(loader, load_key_at(node), "write {} for a role without requirements",
			   "role '%s' must be a map", LOAD_QUOTE(node->key->text));
		return;
	}
	(void)load_keys(loader, node, "a role", KEYS, BL_COUNT(KEYS));
	if (!load_list(loader, requires, 2))
		return;
	for (const struct yaml_node *entry = requires->first; entry; entry = entry->next) {
		if (!load_word(loader, entry, &text))
			continue;
		if (strcmp(text, "training") == 0)
			role->needs_training = true;
		else if (strcmp(text, "insurance") == 0)
			role->needs_insurance = true;
		else
			load_error(loader, load_at(entry), "one of: training, insurance",
				   "unknown requirement '%s'", LOAD_QUOTE(text));
	}
}

static bool is_of(const char *text, size_t limit, const char *first, const char *rest)
{
	size_t length = strlen(text);

	return length && length <= limit && strchr(first, text[0]) && strspn(text, rest) == length;
}

/* "anna", "uid:61001", "group:desk": as useradd and groupadd take them. */
static bool parse_person_key(const char *text, struct person *out)
{
	static const char FIRST[] = "abcdefghijklmnopqrstuvwxyz_";
	static const char LOGIN[] = "abcdefghijklmnopqrstuvwxyz_0123456789.-";
	static const char GROUP[] = "abcdefghijklmnopqrstuvwxyz_0123456789-";
	const char *value = strchr(text, ':');

	if (!value) {
		out->key = PERSON_LOGIN;
		return is_of(text, 32, FIRST, LOGIN);
	}
	value++;
	if (strncmp(text, "group:", 6) == 0) {
		out->key = PERSON_GROUP;
		return is_of(value, 32, FIRST, GROUP);
	}
	if (strncmp(text, "uid:", 4) != 0 || !is_of(value, 10, "0123456789", "0123456789") ||
	    (value[0] == '0' && value[1]))
		return false;

	unsigned long long uid = strtoull(value, NULL, 10);

	out->key = PERSON_UID;
	out->uid = (uid_t)uid;
	return uid < UINT32_MAX; /* the last one means "no uid" to the kernel */
}

static void load_person(struct loader *loader, const struct yaml_node *node, struct person *person)
{
	static const struct load_key KEYS[] = {
		{"roles", KEY_REQUIRED, "[technician]"},
		{"training_expires", KEY_OPTIONAL, NULL},
		{"insurance_expires", KEY_OPTIONAL, NULL},
		{"insurance_policy", KEY_OPTIONAL, NULL},
	};
	const struct vocabulary words = load_role_words(loader);
	const char *colon, *unused;

	person->at = load_at(node->key);
	person->training_expires_day = DAY_NONE;
	person->insurance_expires_day = DAY_NONE;
	person->name = load_copy(loader, node->key->text);
	if (!person->name)
		return;
	colon = strchr(person->name, ':');
	person->value = colon ? colon + 1 : person->name;
	if (!parse_person_key(node->key->text, person))
		load_error(loader, load_at(node->key), "write a login, 'uid:61001' or 'group:desk'",
			   "'%s' is not a person", LOAD_QUOTE(node->key->text));
	if (node->type != YAML_MAP) {
		load_error(loader, load_key_at(node), "write {roles: [...]}",
			   "person '%s' must be a map", LOAD_QUOTE(node->key->text));
		return;
	}
	(void)load_keys(loader, node, "a person", KEYS, BL_COUNT(KEYS));
	(void)load_bits(loader, yaml_get(node, "roles"), &words, &person->roles);
	(void)load_day(loader, yaml_get(node, "training_expires"), &person->training_expires_day);
	(void)load_day(loader, yaml_get(node, "insurance_expires"), &person->insurance_expires_day);
	(void)load_text(loader, yaml_get(node, "insurance_policy"), TEXT_LIMIT, &unused);
}

/* What one role says of another holds for both. */
static void load_never_with(struct loader *loader, const struct yaml_node *node, size_t mine)
{
	const struct vocabulary words = load_role_words(loader);
	const struct yaml_node *list = yaml_get(node, "never_with");
	struct role *roles = loader->policy->roles;
	uint64_t others;

	if (!load_bits(loader, list, &words, &others))
		return;
	if (others >> mine & 1)
		load_error(loader, load_key_at(list), "name other roles",
			   "role '%s' is never with itself", LOAD_QUOTE(node->key->text));
	roles[mine].never_with |= others;
	for (size_t i = 0; i < loader->policy->role_count; i++)
		if (others >> i & 1)
			roles[i].never_with |= UINT64_C(1) << mine;
}

static void load_all_roles(struct loader *loader, const struct yaml_node *roles)
{
	struct policy *policy = loader->policy;
	size_t i = 0;

	policy->roles = load_section(loader, roles, ROLE_LIMIT, sizeof(*policy->roles),
				     "write {technician: {requires: [training]}}");
	if (!policy->roles)
		return;
	for (const struct yaml_node *node = roles->first; node; node = node->next)
		load_one_role(loader, node, &policy->roles[policy->role_count++]);
	for (const struct yaml_node *node = roles->first; node; node = node->next)
		load_never_with(loader, node, i++);
}

void load_people(struct loader *loader, const struct yaml_node *roles,
		 const struct yaml_node *people)
{
	struct policy *policy = loader->policy;

	load_all_roles(loader, roles);
	policy->people = load_section(loader, people, PERSON_LIMIT, sizeof(*policy->people),
				      "write {anna: {roles: [technician]}}");
	for (const struct yaml_node *node = policy->people ? people->first : NULL; node;
	     node = node->next)
		load_person(loader, node, &policy->people[policy->person_count++]);
}

void load_workplaces(struct loader *loader, const struct yaml_node *workplaces)
{
	static const struct load_key KEYS[] = {{"hosts", KEY_REQUIRED, "[bench-01]"}};
	struct policy *policy = loader->policy;

	policy->workplaces =
		load_section(loader, workplaces, WORKPLACE_LIMIT, sizeof(*policy->workplaces),
			     "write {bench: {hosts: [bench-01]}}");
	for (const struct yaml_node *node = policy->workplaces ? workplaces->first : NULL; node;
	     node = node->next) {
		struct workplace *workplace = &policy->workplaces[policy->workplace_count++];

		workplace->at = load_at(node->key);
		(void)load_name(loader, node->key, &workplace->name);
		(void)load_keys(loader, node, "a workplace", KEYS, BL_COUNT(KEYS));
		(void)load_strings(loader, yaml_get(node, "hosts"), load_host, &workplace->hosts);
	}
}
