/* What a rule does: permit, forbid, mask, withhold; and what no mask may show. */
#include <string.h>

#include "policy/rules/load.h"

static const char *const EFFECTS[] = {
	[EFFECT_PERMIT] = "permit",
	[EFFECT_FORBID] = "forbid",
	[EFFECT_MASK] = "mask",
	[EFFECT_WITHHOLD] = "withhold",
};

static bool is_tail(unsigned style)
{
	return style == STYLE_KEEP_LAST_4 || style == STYLE_KEEP_FIRST_6_LAST_4;
}

static void refuse_token_beside_tail(struct loader *loader, struct position at, unsigned class)
{
	load_error(loader, at, "use one of the two for this class, the default counted",
		   "'token' beside a last-4 style of '%s': together they tell who is who",
		   policy_class_name(loader->policy, class));
}

/* A token is the same everywhere; whoever sees the last four beside it can look tokens up. */
static void check_token(struct loader *loader, struct position at, unsigned class, unsigned style)
{
	struct position *mine =
		style == STYLE_TOKEN ? &loader->token_at[class] : &loader->tail_at[class];
	enum bl_style other = loader->policy->default_style;

	/* Masks of a set only ever make stricter, so they show no last four that the file does not. */
	if ((style != STYLE_TOKEN && !is_tail(style)) || loader->set)
		return;
	if (style == STYLE_TOKEN ? loader->tail_at[class].line || is_tail(other)
				 : loader->token_at[class].line || other == STYLE_TOKEN)
		refuse_token_beside_tail(loader, at, class);
	*mine = at;
}

void load_looked_for(struct loader *loader, const struct yaml_node *node, unsigned class)
{
	if (!loader->set && !(loader->policy->detects & CLASS_BIT(class)))
		load_warning(loader, load_at(node), "add the set it belongs to",
			     "no set of 'detect' looks for '%s'",
			     policy_class_name(loader->policy, class));
}

static void load_mask(struct loader *loader, const struct yaml_node *mask, struct rule *rule)
{
	if (mask->type != YAML_MAP || !mask->count) {
		load_error(loader, load_key_at(mask), "write {card: keep-last-4}",
			   "'mask' must be a map of class and style");
		return;
	}
	for (const struct yaml_node *node = mask->first; node; node = node->next) {
		unsigned class, style;

		if (!load_class(loader, node->key, &class) ||
		    !load_value(loader, node, &STYLE_WORDS, &style))
			continue;
		rule->styles[class] = (uint8_t)style;
		if ((FILLED_CLASSES & CLASS_BIT(class)) && style != STYLE_FILL)
			load_error(loader, load_at(node), "write fill, or remove it",
				   "'%s' is always filled: '%s' is weaker than the floor, "
				   "builtin/baseline",
				   policy_class_name(loader->policy, class), bl_style_name(style));
		check_token(loader, load_at(node), class, style);
		load_looked_for(loader, node->key, class);
	}
}

static const char *withheld_name(const void *unused, size_t i)
{
	(void)unused;
	return i < FILE_KIND_COUNT ? bl_file_kind_name((enum bl_file_kind)i) : "any";
}

static void load_withhold(struct loader *loader, const struct yaml_node *node, struct rule *rule)
{
	static const struct vocabulary WORDS = {"kind of file", withheld_name, NULL,
						FILE_KIND_COUNT + 1, false};
	uint32_t kinds, all = (1u << FILE_KIND_COUNT) - 1;

	if (load_bits32(loader, node, &WORDS, &kinds))
		rule->withhold_kinds = kinds & ~all ? all : kinds;
}

void load_effect(struct loader *loader, const struct yaml_node *node, struct rule *rule,
		 const struct load_key *keys, size_t key_count)
{
	const struct yaml_node *found = NULL;

	for (const struct yaml_node *value = node->first; value; value = value->next)
		for (unsigned i = 0; i < BL_COUNT(EFFECTS); i++) {
			if (strcmp(value->key->text, EFFECTS[i]) != 0)
				continue;
			if (found) {
				load_error(loader, load_key_at(value), "make two rules of it",
					   "a second effect, '%s' beside '%s'", EFFECTS[i],
					   found->key->text);
				continue;
			}
			found = value;
			rule->effect = (enum rules_effect)i;
		}
	for (unsigned i = 0; !found && i < BL_COUNT(EFFECTS); i++)
		if (load_has_near(loader, node, keys, key_count, EFFECTS[i]))
			return; /* misspelt, and told as that */
	if (!found) {
		load_error(loader, load_at(node), "add one of permit, forbid, mask, withhold",
			   "a rule without an effect");
		return;
	}
	switch (rule->effect) {
	case EFFECT_PERMIT:
	case EFFECT_FORBID:
		(void)load_bits32(loader, found, &ACTION_WORDS, &rule->actions);
		break;
	case EFFECT_MASK:
		load_mask(loader, found, rule);
		break;
	case EFFECT_WITHHOLD:
		load_withhold(loader, found, rule);
		break;
	}
}
