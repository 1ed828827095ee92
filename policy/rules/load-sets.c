/* `uses`: sets of rules that come with Bailee, loaded by the code that loads the file's own. */
#include <stdlib.h>
#include <string.h>

#include "policy/rules/load.h"

#define FLOOR_SET "builtin/baseline"

static const char *use_name(const void *unused, size_t i)
{
	(void)unused;
	return i ? SHIPPED_SETS[i - 1].name : FLOOR_SET;
}

static void refuse_use(struct loader *loader, const struct yaml_node *entry)
{
	const struct vocabulary words = {"set of rules", use_name, NULL, SHIPPED_SET_COUNT + 1,
					 false};
	char fix[256];

	if (strncmp(entry->text, "builtin/", strlen("builtin/")) == 0) {
		load_unknown(loader, entry, &words);
		return;
	}
	load_suggest(loader, entry->text, &words, fix);
	load_error(loader, load_at(entry), fix,
		   "'%s' does not come with Bailee, and other files cannot be used",
		   LOAD_QUOTE(entry->text));
}

static const struct shipped_set *find_set(const char *name)
{
	for (size_t i = 0; i < SHIPPED_SET_COUNT; i++)
		if (strcmp(SHIPPED_SETS[i].name, name) == 0)
			return &SHIPPED_SETS[i];
	return NULL;
}

/* "pci-3-3-1" becomes "builtin/pci-3-3-1", which no file can write; places are those of `uses`. */
static void name_rule(struct loader *loader, struct rule *rule)
{
	char id[BL_RULE_ID_SIZE];

	memcpy(id, rule->id, sizeof(id));
	snprintf(rule->id, sizeof(rule->id), "builtin/%.*s",
		 (int)(sizeof(rule->id) - sizeof("builtin/")), id);
	rule->at = loader->set_at;
	rule->id_at = loader->set_at;
	rule->set = loader->set;
}

/* What a set speaks of is looked for, or its rules would find nothing to speak of. */
static void look_for(struct policy *policy, const struct rule *rule)
{
	policy->detects |= rule->contains;
	for (unsigned class = 0; class < CLASS_LIMIT; class ++)
		if (rule->styles[class] != STYLE_NONE)
			policy->detects |= CLASS_BIT(class);
}

static void load_set_rules(struct loader *loader, const struct yaml_node *rules)
{
	struct rule *all = load_take(loader, loader->set_rule_count + rules->count, sizeof(*all));

	if (!all)
		return;
	for (size_t i = 0; i < loader->set_rule_count; i++)
		all[i] = loader->set_rules[i];
	loader->set_rules = all;
	for (const struct yaml_node *node = rules->first; node; node = node->next) {
		struct rule *rule = &all[loader->set_rule_count++];

		load_rule(loader, node, rule);
		name_rule(loader, rule);
		look_for(loader->policy, rule);
	}
}

/* A set that is not read is not obeyed, so that is an error like any other. */
static void load_shipped(struct loader *loader, const struct shipped_set *set)
{
	BL_CLEANUP(yaml_free) struct yaml_document *document = NULL;
	enum bl_status status = yaml_parse(set->text, strlen(set->text), &document, NULL);

	if (status == BL_NO_MEMORY) {
		loader->is_out_of_memory = true;
		return;
	}
	if (status != BL_OK || yaml_root(document)->type != YAML_LIST) {
		load_error(loader, loader->set_at, "this is a fault of Bailee: leave the set out",
			   "'%s' cannot be read", set->name);
		return;
	}
	loader->set = set->name;
	load_set_rules(loader, yaml_root(document));
	loader->set = NULL;
}

void load_uses(struct loader *loader, const struct yaml_node *uses)
{
	struct string_list *list = &loader->policy->uses;
	const char *text;

	if (!load_list(loader, uses, LIST_LIMIT))
		return;
	list->items = load_take(loader, uses->count, sizeof(*list->items));
	if (!list->items)
		return;
	for (const struct yaml_node *entry = uses->first; entry; entry = entry->next) {
		const struct shipped_set *set;

		if (!load_word(loader, entry, &text) || strcmp(text, FLOOR_SET) == 0)
			continue;
		set = find_set(text);
		if (!set) {
			refuse_use(loader, entry);
			continue;
		}
		list->items[list->count++] = set->name;
		loader->set_at = load_at(entry);
		load_shipped(loader, set);
	}
}
