#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/rules/load.h"
#include "policy/rules/zone.h"

/* What the floor hides has to be looked for, whatever sets a policy names. */
#define FLOOR_CLASSES                                                                              \
	(CLASS_BIT(CLASS_CARD) | CLASS_BIT(CLASS_CARD_TRACK) | CLASS_BIT(CLASS_CARD_PIN) |         \
	 CLASS_BIT(CLASS_CARD_SECURITY_CODE) | CLASS_BIT(CLASS_PASSWORD) |                         \
	 CLASS_BIT(CLASS_SECRET) | CLASS_BIT(CLASS_PRIVATE_KEY) |                                  \
	 CLASS_BIT(CLASS_URL_CREDENTIALS))
#define ALL_CLASSES (CLASS_BIT(CLASS_COUNT) - 1)

/* ---- the object ------------------------------------------------------------------------------- */

static struct policy *policy_new(void)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return NULL;
	atomic_init(&policy->references, 1);
	policy->test_clock_unix = INT64_MIN;
	policy->arena = arena_new();
	if (!policy->arena) {
		free(policy);
		return NULL;
	}
	return policy;
}

/* A count is no part of what a policy says, so a const policy can be counted. */
struct policy *policy_ref(const struct policy *policy)
{
	struct policy *counted = (struct policy *)policy;

	atomic_fetch_add_explicit(&counted->references, 1, memory_order_relaxed);
	return counted;
}

void policy_unref(struct policy *policy)
{
	if (!policy || atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) != 1)
		return;
	rules_compiled_free(policy->compiled);
	zone_free(policy->zone);
	arena_free(policy->arena);
	free(policy);
}

const char *policy_name(const struct policy *policy)
{
	return policy->name;
}

uint64_t policy_serial(const struct policy *policy)
{
	return policy->serial;
}

const uint8_t *policy_digest(const struct policy *policy)
{
	return policy->digest;
}

bl_classes policy_detects(const struct policy *policy)
{
	return policy->detects;
}

void rules_local_time(const struct policy *policy, int64_t at_unix, char out[20])
{
	struct zone_time wall;
	char text[32] = "";

	zone_local(policy->zone, at_unix, &wall);
	snprintf(text, sizeof(text), "%04d-%02u-%02u %02u:%02u", BL_MAX(BL_MIN(wall.year, 9999), 0),
		 wall.month, wall.mday, wall.minute / 60u, wall.minute % 60u);
	memcpy(out, text, 19);
	out[19] = '\0';
}

/* ---- sections --------------------------------------------------------------------------------- */

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

static void load_uses(struct loader *loader, const struct yaml_node *node)
{
	if (!load_list(loader, node, LIST_LIMIT))
		return;
	for (const struct yaml_node *entry = node->first; entry; entry = entry->next) {
		const char *text;

		if (load_word(loader, entry, &text) && strcmp(text, "builtin/baseline") != 0)
			load_later(loader, load_at(entry), "uses: ", text);
	}
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

static const char *set_name(unsigned value)
{
	return SETS[value].name;
}

static const struct vocabulary SET_WORDS = {"set", set_name, BL_COUNT(SETS)};

/*
 * What a policy does not name is looked for: no `detect`, no `sets` and no `customer` mean all of it. So a
 * line left out hides more, never less.
 */
static void load_detect(struct loader *loader, const struct yaml_node *detect)
{
	static const struct load_key KEYS[] = {
		{"sets", KEY_OPTIONAL, NULL},
		{"customer", KEY_OPTIONAL, NULL},
		{"custom", KEY_LATER, NULL},
	};
	const struct yaml_node *sets = yaml_get(detect, "sets");
	bl_classes classes = sets ? FLOOR_CLASSES : ALL_CLASSES & ~CLASS_BIT(CLASS_CUSTOMER);
	bool looks_for_customer = true;
	uint32_t bits = 0;

	if (detect)
		(void)load_keys(loader, detect, "'detect'", KEYS, BL_COUNT(KEYS));
	(void)load_bits(loader, sets, &SET_WORDS, &bits);
	for (unsigned i = 0; i < BL_COUNT(SETS); i++)
		if (bits >> i & 1)
			classes |= SETS[i].classes;
	(void)load_true_or_false(loader, yaml_get(detect, "customer"), &looks_for_customer);
	if (looks_for_customer)
		classes |= CLASS_BIT(CLASS_CUSTOMER);
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

static void load_sections(struct loader *loader, const struct yaml_node *root)
{
	struct policy *policy = loader->policy;
	const struct yaml_node *serial = yaml_get(root, "serial");
	const struct yaml_node *clock = yaml_get(root, "test_clock");

	loader->custom = yaml_get(yaml_get(root, "detect"), "custom");
	(void)load_text(loader, yaml_get(root, "name"), TEXT_LIMIT, &policy->name);
	if (load_number(loader, serial, &policy->serial) && !policy->serial)
		load_error(loader, load_at(serial), "begin with 1 and add 1 with every change",
			   "'serial' must be at least 1");
	load_zone(loader, yaml_get(root, "timezone"));
	load_uses(loader, yaml_get(root, "uses"));
	load_people(loader, yaml_get(root, "roles"), yaml_get(root, "people"));
	load_detect(loader, yaml_get(root, "detect"));
	load_defaults(loader, yaml_get(root, "defaults"));
	load_rules(loader, yaml_get(root, "rules"));
	load_retention(loader, yaml_get(root, "retention"));
	(void)load_moment(loader, clock, &policy->test_clock_unix);
	if (yaml_get(root, "tests") && !clock)
		load_error(loader, load_key_at(yaml_get(root, "tests")),
			   "add 'test_clock: 2026-07-01 10:00', the now of every test",
			   "'tests' need a 'test_clock'");
	load_tests(loader, yaml_get(root, "tests"));
}

/* A file of another version gets one finding: the rest of it may mean anything. */
static bool load_version(struct loader *loader, const struct yaml_node *root)
{
	const struct yaml_node *version = yaml_get(root, "bailee");

	if (root->type != YAML_MAP) {
		load_error(loader, load_at(root), "begin it with 'bailee: 1'", "this is no policy");
		return false;
	}
	if (!version || version->type != YAML_SCALAR || strcmp(version->text, "1") == 0)
		return true;
	load_error(loader, load_at(version), "write 'bailee: 1'",
		   "language version '%s' is not understood", LOAD_QUOTE(version->text));
	return false;
}

static void load_policy(struct loader *loader, const struct yaml_node *root)
{
	static const struct load_key KEYS[] = {
		{"bailee", KEY_REQUIRED, "1"},
		{"name", KEY_REQUIRED, "Returns desk"},
		{"serial", KEY_REQUIRED, "1"},
		{"timezone", KEY_REQUIRED, "Europe/Dublin"},
		{"uses", KEY_OPTIONAL, NULL},
		{"people", KEY_REQUIRED, "{anna: {roles: [technician]}}"},
		{"roles", KEY_REQUIRED, "{technician: {}}"},
		{"workplaces", KEY_LATER, NULL},
		{"detect", KEY_OPTIONAL, NULL},
		{"defaults", KEY_REQUIRED, "{access: forbid, mask: fill, unscanned: withhold}"},
		{"rules", KEY_REQUIRED, "[{id: ..., permit: [list], who: [technician], why: ...}]"},
		{"retention", KEY_OPTIONAL, NULL},
		{"requests", KEY_LATER, NULL},
		{"consent_withdrawn", KEY_LATER, NULL},
		{"holds", KEY_LATER, NULL},
		{"proof", KEY_LATER, NULL},
		{"sessions", KEY_LATER, NULL},
		{"audit", KEY_LATER, NULL},
		{"test_clock", KEY_OPTIONAL, NULL},
		{"tests", KEY_OPTIONAL, NULL},
	};
	const char *unused;

	if (!load_version(loader, root))
		return;
	(void)load_keys(loader, root, "the policy", KEYS, BL_COUNT(KEYS));
	(void)load_word(loader, yaml_get(root, "bailee"), &unused);
	load_sections(loader, root);
	rules_check(loader->policy, loader->findings);
}

/* ---- text to policy --------------------------------------------------------------------------- */

static bool has_error(const struct rules_findings *findings)
{
	return findings->count && findings->items[0].severity == RULES_ERROR;
}

static enum bl_status refuse(struct rules_findings *findings, struct bl_error *why)
{
	rules_sort_findings(findings);

	const struct rules_finding *first = &findings->items[0];

	if (first->line)
		return bl_fail(why, BL_INVALID, "not a valid policy: line %u, column %u: %s%s%s",
			       first->line, first->column, first->text,
			       first->fix[0] ? "; fix: " : "", first->fix);
	return bl_fail(why, BL_INVALID, "not a valid policy: %s%s%s", first->text,
		       first->fix[0] ? "; fix: " : "", first->fix);
}

static enum bl_status refuse_file(struct rules_findings *findings, struct bl_error *why,
				  const char *text, const char *fix)
{
	rules_find(NULL, findings, RULES_ERROR, (struct position){0}, fix, "%s", text);
	return refuse(findings, why);
}

/* Lines for findings: one copy of the text, cut up. False: more than LINE_LIMIT, or no memory. */
static bool split_lines(struct policy *policy, const char *bytes, size_t length,
			bool *out_has_memory)
{
	size_t count = 1;

	*out_has_memory = true;
	for (size_t i = 0; i < length; i++)
		count += bytes[i] == '\n';
	if (count > LINE_LIMIT)
		return false;

	char *text = arena_copy(policy->arena, bytes, length);

	policy->lines = arena_take(policy->arena, count, sizeof(*policy->lines));
	if (!text || !policy->lines) {
		*out_has_memory = false;
		return false;
	}
	policy->lines[policy->line_count++] = text;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\0')
			text[i] =
				'?'; /* refused by yaml_parse; shown like other control characters */
		if (text[i] != '\n')
			continue;
		text[i] = '\0';
		if (i && text[i - 1] == '\r')
			text[i - 1] = '\0';
		policy->lines[policy->line_count++] = text + i + 1;
	}
	return true;
}

static enum bl_status read_tree(struct policy *policy, const char *bytes, size_t length,
				struct rules_findings *findings)
{
	BL_CLEANUP(yaml_free) struct yaml_document *document = NULL;
	struct yaml_finding finding = {0};
	enum bl_status status = yaml_parse(bytes, length, &document, &finding);

	if (status == BL_NO_MEMORY)
		return status;
	if (status != BL_OK) {
		rules_find(policy, findings, RULES_ERROR,
			   (struct position){finding.line, finding.column}, finding.fix, "%s",
			   finding.text);
		return BL_OK;
	}

	BL_CLEANUP(bl_free) struct loader *loader = calloc(1, sizeof(*loader));

	if (!loader)
		return BL_NO_MEMORY;
	loader->policy = policy;
	loader->findings = findings;
	load_policy(loader, yaml_root(document));
	return loader->is_out_of_memory ? BL_NO_MEMORY : BL_OK;
}

enum bl_status rules_parse(const char *bytes, size_t length, struct policy **out_policy,
			   struct rules_findings *out_findings, struct bl_error *why)
{
	bool has_memory;

	memset(out_findings, 0, sizeof(*out_findings));
	if (sodium_init() < 0)
		return bl_fail(why, BL_FAILED, "cannot start libsodium");
	if (length > YAML_SIZE_LIMIT)
		return refuse_file(out_findings, why, "the policy is larger than 4 MiB",
				   "make it shorter");

	BL_CLEANUP(policy_unref) struct policy *policy = policy_new();

	if (!policy)
		return bl_fail(why, BL_NO_MEMORY, "no memory for the policy");
	crypto_generichash(policy->digest, sizeof(policy->digest), (const unsigned char *)bytes,
			   length, NULL, 0);
	if (!split_lines(policy, bytes, length, &has_memory)) {
		if (has_memory)
			return refuse_file(out_findings, why,
					   "the policy has more than 100000 lines",
					   "make it shorter");
		return bl_fail(why, BL_NO_MEMORY, "no memory for the policy");
	}

	enum bl_status status = read_tree(policy, bytes, length, out_findings);

	if (status != BL_OK)
		return bl_fail(why, status, "no memory for the policy");
	rules_sort_findings(out_findings);
	if (has_error(out_findings))
		return refuse(out_findings, why);

	struct bl_error compile_why = {{0}};

	status = rules_compile(policy, &compile_why);
	if (status == BL_NO_MEMORY)
		return bl_fail(why, status, "no memory for the policy");
	if (status != BL_OK)
		return refuse_file(out_findings, why,
				   compile_why.text[0] ? compile_why.text
						       : "the rules cannot be compiled",
				   "simplify the path patterns");
	*out_policy = BL_TAKE(policy);
	return BL_OK;
}

/* ---- file to text ----------------------------------------------------------------------------- */

/* One byte more than allowed is read, so that a file that grows meanwhile is still told to be too large. */
static enum bl_status read_all(int fd, const char *path, char *bytes, size_t room,
			       size_t *out_length, struct bl_error *why)
{
	size_t length = 0;

	while (length < room) {
		ssize_t got = read(fd, bytes + length, room - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bl_fail_errno(why, BL_IO, "cannot read '%s'", path);
		if (got == 0)
			break;
		length += (size_t)got;
	}
	*out_length = length;
	return BL_OK;
}

enum bl_status rules_load(const char *path, struct policy **out_policy,
			  struct rules_findings *out_findings, struct bl_error *why)
{
	/* O_NONBLOCK: a FIFO must not hang the daemon. */
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	size_t length = 0;

	memset(out_findings, 0, sizeof(*out_findings));
	if (fd < 0)
		return bl_fail_errno(why,
				     errno == ENOENT || errno == ENOTDIR ? BL_NOT_FOUND : BL_IO,
				     "cannot open '%s'", path);
	if (fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return refuse_file(out_findings, why, "not a regular file",
				   "give the path of a policy file");
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return refuse_file(
			out_findings, why, "writable by others than its owner",
			"chmod go-w the file: whoever can write it decides who may read");
	if (st.st_size > (off_t)YAML_SIZE_LIMIT)
		return refuse_file(out_findings, why, "the policy is larger than 4 MiB",
				   "make it shorter");

	BL_CLEANUP(bl_free) char *bytes = malloc(YAML_SIZE_LIMIT + 1);

	if (!bytes)
		return bl_fail(why, BL_NO_MEMORY, "no memory for the policy");

	enum bl_status status = read_all(fd, path, bytes, YAML_SIZE_LIMIT + 1, &length, why);

	if (status != BL_OK)
		return status;
	return rules_parse(bytes, length, out_policy, out_findings, why);
}
