/* detect.custom: classes of a policy's own, their patterns held against their examples. */
#include <string.h>

#include "policy/rules/load.h"

#define CUSTOM_LIMIT (CLASS_LIMIT - CLASS_COUNT)

/* Byte for byte, unlike a text: a space at the end of a pattern means something. */
static bool load_verbatim(struct loader *loader, const struct yaml_node *node,
			  const char **out_text)
{
	const char *text;

	if (!load_word(loader, node, &text))
		return false;
	if (strlen(text) > TEXT_LIMIT) {
		load_error(loader, load_at(node), "make it shorter", "'%s' is longer than %u bytes",
			   load_shown_name(node), TEXT_LIMIT);
		return false;
	}
	if (strpbrk(text, "\n\r\t")) {
		load_error(loader, load_at(node), "write it on one line, in single quotes",
			   "'%s' must be one line of text", load_shown_name(node));
		return false;
	}
	*out_text = load_copy(loader, text);
	return *out_text;
}

static void load_custom_name(struct loader *loader, const struct yaml_node *key,
			     struct custom_class *custom)
{
	enum bl_class unused;

	custom->at = load_at(key);
	if (load_name(loader, key, &custom->name) && bl_class_parse(key->text, &unused))
		load_error(loader, load_at(key), "choose another name",
			   "'%s' is a class of Bailee's own", key->text);
}

static void load_one_custom(struct loader *loader, const struct yaml_node *node,
			    struct custom_class *custom)
{
	static const struct load_key KEYS[] = {
		{"pattern", KEY_REQUIRED, "'NG-[0-9]{8}'"},
		{"example", KEY_REQUIRED, "NG-20417733"},
	};
	const struct yaml_node *pattern = yaml_get(node, "pattern");
	const struct yaml_node *example = yaml_get(node, "example");

	load_custom_name(loader, node->key, custom);
	if (!load_keys(loader, node, "a class of 'custom'", KEYS, BL_COUNT(KEYS)))
		return;
	custom->pattern_at = load_at(pattern);
	custom->example_at = load_at(example);
	(void)load_verbatim(loader, pattern, &custom->pattern);
	(void)load_verbatim(loader, example, &custom->example);
}

static void refuse_pattern(struct loader *loader, const struct detect_pattern *pattern,
			   enum bl_status status, const struct bl_error *why)
{
	const struct custom_class *custom = &loader->policy->custom[pattern->class - CLASS_COUNT];

	if (status == BL_NO_MEMORY)
		loader->is_out_of_memory = true;
	else
		load_error(loader, custom->pattern_at,
			   "write a regular expression of limited length, like 'NG-[0-9]{8}'",
			   "the pattern of '%s': %s", LOAD_QUOTE(custom->name), why->text);
}

/* One run tells of all patterns that may not be given to the matcher, which is costly; what it refuses itself ends it. */
static bool compile(struct loader *loader, const struct detect_pattern *patterns, size_t count)
{
	struct bl_error why = {{0}};
	enum bl_status status = BL_OK;
	bool is_good = true;
	size_t bad = 0;

	if (!count)
		return true;
	for (size_t i = 0; i < count && (status == BL_OK || status == BL_INVALID); i++) {
		status = detect_custom_check(patterns[i].pattern, &why);
		if (status == BL_OK)
			continue;
		refuse_pattern(loader, &patterns[i], status, &why);
		is_good = false;
	}
	if (!is_good)
		return false;
	status = detect_custom_new(patterns, count, &loader->policy->custom_patterns, &bad, &why);
	if (status != BL_OK)
		refuse_pattern(loader, &patterns[status == BL_INVALID && bad < count ? bad : 0],
			       status, &why);
	return status == BL_OK;
}

static void check_examples(struct loader *loader, const struct detect_pattern *patterns,
			   size_t count)
{
	const struct policy *policy = loader->policy;

	for (size_t i = 0; i < count; i++) {
		const struct custom_class *custom =
			&policy->custom[patterns[i].class - CLASS_COUNT];

		if (!detect_custom_finds(policy->custom_patterns, patterns[i].class,
					 custom->example, strlen(custom->example)))
			load_error(
				loader, custom->example_at,
				"correct the one or the other: the pattern has to match all of it",
				"the pattern of '%s' misses its example", LOAD_QUOTE(custom->name));
	}
}

void load_custom(struct loader *loader, const struct yaml_node *custom)
{
	struct policy *policy = loader->policy;
	struct detect_pattern patterns[CUSTOM_LIMIT];
	size_t count = 0;

	policy->custom = load_section(
		loader, custom, CUSTOM_LIMIT, sizeof(*policy->custom),
		"write {loyalty-card: {pattern: 'NG-[0-9]{8}', example: NG-20417733}}");
	if (!policy->custom)
		return;
	for (const struct yaml_node *node = custom->first; node; node = node->next)
		load_one_custom(loader, node, &policy->custom[policy->custom_count++]);
	for (size_t i = 0; i < policy->custom_count; i++)
		if (policy->custom[i].name && policy->custom[i].pattern &&
		    policy->custom[i].example)
			patterns[count++] = (struct detect_pattern){policy->custom[i].pattern,
								    (uint8_t)(CLASS_COUNT + i)};
	if (compile(loader, patterns, count) && policy->custom_patterns)
		check_examples(loader, patterns, count);
}
