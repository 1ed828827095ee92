/* Classes that nothing finds, and masks that do not do what they say. */
#include "policy/detect/detect.h"
#include "policy/rules/check.h"

#include <string.h>

/* ---- classes that no detector finds ------------------------------------------------------------------ */

static bool is_found(unsigned class)
{
	return class >= CLASS_COUNT || detect_supported() >> class & 1;
}

static const char *without(const struct rule *rule)
{
	bool is_of_items = rule->actions >> ACTION_UNMASK & 1;

	switch (rule->effect) {
	case EFFECT_MASK:
		return "the mask changes nothing yet";
	case EFFECT_PERMIT:
		return is_of_items ? "the rule changes nothing yet" : "the rule never matches";
	case EFFECT_FORBID:
		return is_of_items ? "the rule changes nothing yet" : "the rule closes no file yet";
	case EFFECT_WITHHOLD:
		return "the rule closes no file yet";
	}
	return "";
}

static bool names_class(const struct rule *rule, unsigned class)
{
	return rule->contains >> class & 1 ||
	       (rule->effect == EFFECT_MASK && rule->styles[class] != STYLE_NONE);
}

/* "'passport', 'tax-id'": those of @classes that fit. */
static void list_classes(bl_classes classes, char *out, size_t size)
{
	size_t used = 0;

	for (unsigned class = 0; class < CLASS_COUNT; class ++) {
		const char *name = bl_class_name((enum bl_class) class);

		if (!(classes >> class & 1) || used + strlen(name) + 5 > size)
			continue;
		used += (size_t)snprintf(out + used, size - used, "%s'%s'", used ? ", " : "", name);
	}
}

/* Each class once, at the first rule that names it. */
static bl_classes check_named(const struct policy *policy, struct rules_findings *findings)
{
	bl_classes told = 0;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];
		bl_classes missing = 0;
		char names[160];

		for (unsigned class = 0; class < CLASS_COUNT && check_is_own(rule); class ++)
			if (names_class(rule, class) && !is_found(class))
				missing |= CLASS_BIT(class);
		missing &= ~told;
		if (!missing)
			continue;
		told |= missing;
		list_classes(missing, names, sizeof(names));
		check_warn(policy, findings, rule->id_at, "keep it for later, or remove it",
			   "no detector of this version finds %s: %s", names, without(rule));
	}
	return told;
}

/* Where a section begins; sections are keys of the outermost map, and that has no indentation. */
static struct position section_at(const struct policy *policy, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < policy->line_count; i++)
		if (strncmp(policy->lines[i], name, length) == 0 && policy->lines[i][length] == ':')
			return (struct position){(unsigned)i + 1, 1};
	return (struct position){0};
}

#define SET(name, ...)                                                                             \
	{                                                                                          \
		name, (const uint8_t[])                                                            \
		{                                                                                  \
			__VA_ARGS__, CLASS_COUNT                                                   \
		}                                                                                  \
	}

/* The sets of `detect`: of one that finds something, what it does not find is no mistake of the file. */
static const struct detect_set {
	const char *name;
	const uint8_t *classes; /* up to CLASS_COUNT */
} SETS[] = {
	SET("contact", CLASS_NAME, CLASS_EMAIL, CLASS_PHONE, CLASS_ADDRESS, CLASS_POSTCODE,
	    CLASS_DATE_OF_BIRTH),
	SET("payment", CLASS_CARD, CLASS_CARD_TRACK, CLASS_CARD_PIN, CLASS_CARD_SECURITY_CODE,
	    CLASS_IBAN, CLASS_BANK_ACCOUNT, CLASS_CRYPTO_ADDRESS),
	SET("government-id", CLASS_NATIONAL_ID, CLASS_TAX_ID, CLASS_PASSPORT,
	    CLASS_DRIVING_LICENCE),
	SET("health", CLASS_HEALTH_ID),
	SET("device", CLASS_IMEI, CLASS_MAC),
	SET("network", CLASS_IP, CLASS_MAC, CLASS_URL_CREDENTIALS),
	SET("vehicle", CLASS_VIN, CLASS_PLATE),
	SET("secrets", CLASS_PASSWORD, CLASS_SECRET, CLASS_PRIVATE_KEY, CLASS_URL_CREDENTIALS),
	SET("location", CLASS_LOCATION),
};

static bl_classes classes_of(const struct detect_set *set)
{
	bl_classes classes = 0;

	for (const uint8_t *class = set->classes; *class < CLASS_COUNT; class ++)
		classes |= CLASS_BIT(*class);
	return classes;
}

static void check_detect(const struct policy *policy, struct rules_findings *findings,
			 bl_classes told)
{
	struct position at = section_at(policy, "detect");

	for (size_t i = 0; i < BL_COUNT(SETS) && at.line; i++) {
		bl_classes classes = classes_of(&SETS[i]);

		if (classes & ~policy->named || classes & (detect_supported() | told))
			continue;
		check_warn(
			policy, findings, at, "keep the set for later, and count on it for nothing",
			"no detector of this version finds anything of the set '%s'", SETS[i].name);
	}
}

/* ---- masks --------------------------------------------------------------------------------------------- */

static void check_mask(const struct policy *policy, struct rules_findings *findings,
		       const struct rule *rule)
{
	for (unsigned class = 0; class < CLASS_LIMIT; class ++) {
		uint8_t style = rule->styles[class];

		if (style == STYLE_NONE)
			continue;
		if (bl_style_fitted(style, class) != style)
			check_warn(policy, findings, rule->id_at,
				   "write fill, or a style that fits: shape, token",
				   "rule '%s' masks '%s' with '%s', which does not fit it and is "
				   "fill",
				   rule->id, policy_class_name(policy, class),
				   bl_style_name(style));
		else if (rule->contains && !(rule->contains >> class & 1))
			check_warn(policy, findings, rule->id_at,
				   "add the class to 'contains', or take it out of 'mask'",
				   "rule '%s' never masks '%s': its 'contains' leaves it out",
				   rule->id, policy_class_name(policy, class));
	}
}

void check_classes(const struct policy *policy, struct rules_findings *findings)
{
	bl_classes told = check_named(policy, findings);

	check_detect(policy, findings, told);
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].effect == EFFECT_MASK && check_is_own(&policy->rules[i]))
			check_mask(policy, findings, &policy->rules[i]);
}
