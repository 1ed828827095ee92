/* The sections that say what a policy is and what is looked for. */
#include <string.h>

#include "policy/rules/load.h"
#include "policy/rules/zone.h"

#define ALL_CLASSES (CLASS_BIT(CLASS_COUNT) - 1)

static void load_zone(struct loader *loader, const struct yaml_node *node)
{
	struct policy *policy = loader->policy;
	struct bl_error why = {{0}};

	if (!load_text(loader, node, TEXT_LIMIT, &policy->zone_name))
		return;

	enum bl_status status = zone_load(policy->zone_name, &policy->zone, &why);

	if (status == BL_NO_MEMORY)
		loader->is_out_of_memory = true;
	else if (status != BL_OK)
		load_error(loader, load_at(node),
			   "give a name of the IANA database, like Europe/Dublin",
			   "there is no time zone '%s' here", LOAD_QUOTE(policy->zone_name));
}

struct set {
	const char *name;
	bl_classes classes;
};

static const struct set SETS[] = {
	{"contact", CLASS_BIT(CLASS_NAME) | CLASS_BIT(CLASS_EMAIL) | CLASS_BIT(CLASS_PHONE) |
			    CLASS_BIT(CLASS_ADDRESS) | CLASS_BIT(CLASS_POSTCODE) |
			    CLASS_BIT(CLASS_DATE_OF_BIRTH)},
	{"payment", CLASS_BIT(CLASS_CARD) | CLASS_BIT(CLASS_CARD_TRACK) |
			    CLASS_BIT(CLASS_CARD_PIN) | CLASS_BIT(CLASS_CARD_SECURITY_CODE) |
			    CLASS_BIT(CLASS_IBAN) | CLASS_BIT(CLASS_BANK_ACCOUNT) |
			    CLASS_BIT(CLASS_CRYPTO_ADDRESS)},
	{"government-id", CLASS_BIT(CLASS_NATIONAL_ID) | CLASS_BIT(CLASS_TAX_ID) |
				  CLASS_BIT(CLASS_PASSPORT) | CLASS_BIT(CLASS_DRIVING_LICENCE)},
	{"health", CLASS_BIT(CLASS_HEALTH_ID)},
	{"device", CLASS_BIT(CLASS_IMEI) | CLASS_BIT(CLASS_MAC)},
	{"network", CLASS_BIT(CLASS_IP) | CLASS_BIT(CLASS_MAC) | CLASS_BIT(CLASS_URL_CREDENTIALS)},
	{"vehicle", CLASS_BIT(CLASS_VIN) | CLASS_BIT(CLASS_PLATE)},
	{"secrets", CLASS_BIT(CLASS_PASSWORD) | CLASS_BIT(CLASS_SECRET) |
			    CLASS_BIT(CLASS_PRIVATE_KEY) | CLASS_BIT(CLASS_URL_CREDENTIALS)},
	{"location", CLASS_BIT(CLASS_LOCATION)},
};

static const char *set_name(const void *sets, size_t i)
{
	return ((const struct set *)sets)[i].name;
}

static const struct vocabulary SET_WORDS = {"set", set_name, SETS, BL_COUNT(SETS), false};

/*
 * What a policy does not name is looked for: no `detect`, no `sets` and no `customer` mean all of it. So a
 * line left out hides more, never less.
 */
static void load_detect(struct loader *loader, const struct yaml_node *detect)
{
	static const struct load_key KEYS[] = {
		{"sets", KEY_OPTIONAL, NULL},
		{"customer", KEY_OPTIONAL, NULL},
		{"custom", KEY_OPTIONAL, NULL},
	};
	const struct yaml_node *sets = yaml_get(detect, "sets");
	bl_classes classes = sets ? FLOOR_CLASSES : ALL_CLASSES & ~CLASS_BIT(CLASS_CUSTOMER);
	bool looks_for_customer = true;
	uint64_t bits = 0;

	if (detect)
		(void)load_keys(loader, detect, "'detect'", KEYS, BL_COUNT(KEYS));
	load_empty(loader, detect, "remove it: without 'detect' everything is looked for");
	(void)load_bits(loader, sets, &SET_WORDS, &bits);
	for (unsigned i = 0; i < BL_COUNT(SETS); i++)
		if (bits >> i & 1)
			loader->policy->named |= SETS[i].classes;
	classes |= loader->policy->named;
	(void)load_true_or_false(loader, yaml_get(detect, "customer"), &looks_for_customer);
	if (looks_for_customer)
		classes |= CLASS_BIT(CLASS_CUSTOMER);
	for (size_t i = 0; i < loader->policy->custom_count; i++)
		classes |= CLASS_BIT(CLASS_COUNT + i);
	loader->policy->detects = classes;
}

static void load_only(struct loader *loader, const struct yaml_node *node, const char *only,
		      const char *fix)
{
	const char *text;

	if (load_word(loader, node, &text) && strcmp(text, only) != 0)
		load_error(loader, load_at(node), fix, "'%s' must be '%s'", node->key->text, only);
}

static void load_defaults(struct loader *loader, const struct yaml_node *defaults)
{
	static const struct load_key KEYS[] = {
		{"access", KEY_REQUIRED, "forbid"},
		{"mask", KEY_REQUIRED, "fill"},
		{"unscanned", KEY_OPTIONAL, NULL},
	};
	unsigned style = STYLE_FILL;

	if (!defaults)
		return;
	(void)load_keys(loader, defaults, "'defaults'", KEYS, BL_COUNT(KEYS));
	load_only(loader, yaml_get(defaults, "access"), "forbid",
		  "write forbid: what no rule permits is forbidden, and permits are rules");
	load_only(loader, yaml_get(defaults, "unscanned"), "withhold",
		  "write withhold: what nobody looked through is not shown");
	(void)load_value(loader, yaml_get(defaults, "mask"), &STYLE_WORDS, &style);
	loader->policy->default_style = (enum bl_style)style;
}

void load_sections(struct loader *loader, const struct yaml_node *root)
{
	struct policy *policy = loader->policy;
	const struct yaml_node *serial = yaml_get(root, "serial");
	const struct yaml_node *clock = yaml_get(root, "test_clock");

	(void)load_text(loader, yaml_get(root, "name"), TEXT_LIMIT, &policy->name);
	if (load_number(loader, serial, &policy->serial) && !policy->serial)
		load_error(loader, load_at(serial), "begin with 1 and add 1 with every change",
			   "'serial' must be at least 1");
	load_zone(loader, yaml_get(root, "timezone"));
	load_custom(loader, yaml_get(yaml_get(root, "detect"), "custom"));
	load_workplaces(loader, yaml_get(root, "workplaces"));
	load_people(loader, yaml_get(root, "roles"), yaml_get(root, "people"));
	load_detect(loader, yaml_get(root, "detect"));
	load_defaults(loader, yaml_get(root, "defaults"));
	load_uses(loader, yaml_get(root, "uses"));
	load_rules(loader, yaml_get(root, "rules"));
	load_retention(loader, yaml_get(root, "retention"));
	load_upkeep(loader, root);
	(void)load_moment(loader, clock, &policy->test_clock_unix);
	if (yaml_get(root, "tests") && !clock)
		load_error(loader, load_key_at(yaml_get(root, "tests")),
			   "add 'test_clock: 2026-07-01 10:00', the now of every test",
			   "'tests' need a 'test_clock'");
	load_tests(loader, yaml_get(root, "tests"));
}
