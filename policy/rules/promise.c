#include "policy/rules/promise.h"

#include "policy/rules/cover.h"
#include "policy/rules/glob.h"

bool promise_is_look(const struct rule *rule)
{
	return rule->effect == EFFECT_PERMIT && rule->actions & PROMISE_LOOKS;
}

bool promise_is_copy(const struct rule *rule)
{
	return rule->effect == EFFECT_PERMIT && rule->actions & (UINT32_C(1) << ACTION_COPY);
}

bool promise_is_unmask(const struct rule *rule)
{
	return rule->effect == EFFECT_PERMIT && rule->actions & (UINT32_C(1) << ACTION_UNMASK);
}

bl_classes promise_classes(const struct policy *policy)
{
	return policy->detects & (detect_supported() | ~(CLASS_BIT(CLASS_COUNT) - 1));
}

const char *promise_class_words(const struct policy *policy, unsigned class)
{
	static const char *const words[CLASS_COUNT] = {
		[CLASS_NAME] = "names",
		[CLASS_EMAIL] = "email addresses",
		[CLASS_PHONE] = "phone numbers",
		[CLASS_ADDRESS] = "postal addresses",
		[CLASS_POSTCODE] = "postcodes",
		[CLASS_DATE_OF_BIRTH] = "dates of birth",
		[CLASS_CARD] = "payment card numbers",
		[CLASS_CARD_TRACK] = "the magnetic stripe of cards",
		[CLASS_CARD_PIN] = "card PINs",
		[CLASS_CARD_SECURITY_CODE] = "card security codes",
		[CLASS_IBAN] = "IBANs",
		[CLASS_BANK_ACCOUNT] = "bank account numbers",
		[CLASS_NATIONAL_ID] = "national identity numbers",
		[CLASS_TAX_ID] = "tax numbers",
		[CLASS_PASSPORT] = "passport numbers",
		[CLASS_DRIVING_LICENCE] = "driving licence numbers",
		[CLASS_HEALTH_ID] = "health insurance and patient numbers",
		[CLASS_IP] = "internet addresses",
		[CLASS_MAC] = "hardware addresses",
		[CLASS_URL_CREDENTIALS] = "passwords in links",
		[CLASS_IMEI] = "device serial numbers (IMEI)",
		[CLASS_VIN] = "vehicle numbers",
		[CLASS_PLATE] = "number plates",
		[CLASS_LOCATION] = "places where you were",
		[CLASS_CRYPTO_ADDRESS] = "crypto currency addresses",
		[CLASS_PASSWORD] = "passwords",
		[CLASS_SECRET] = "access keys",
		[CLASS_PRIVATE_KEY] = "private keys",
		[CLASS_CUSTOMER] = "your own name, email address, phone number and address",
	};

	return class < CLASS_COUNT ? words[class] : policy_class_name(policy, class);
}

/* ---- of one device ---------------------------------------------------------------------------------- */

static bool speaks_of(const struct rule *rule, const struct rules_device *device)
{
	bool is_meant = !rule->ids.count;

	if (rule->device_kinds && device->kind >= 0 &&
	    !(rule->device_kinds >> (unsigned)device->kind & 1))
		return false;
	for (size_t i = 0; i < rule->ids.count && !is_meant; i++)
		is_meant = glob_match_id(rule->ids.items[i], device->id);
	return is_meant;
}

/* Does it close all of what it forbids, whatever the file, the hour and the purpose? */
static bool is_flat(const struct rule *rule)
{
	return rule->effect == EFFECT_FORBID && !rule->states && !rule->paths.count &&
	       !rule->file_kinds && !rule->contains && rule->max_size_bytes < 0 &&
	       !rule->workplaces && conditions_are_absent(&rule->when) &&
	       conditions_are_absent(&rule->unless);
}

/* A permit that a forbid takes back from all of its roles promises nothing. */
static bool is_taken_back(const struct policy *policy, const struct rule *permit, uint32_t actions,
			  const struct rules_device *device)
{
	uint32_t left = permit->actions & actions;

	for (size_t i = 0; i < policy->rule_count && left; i++) {
		const struct rule *rule = &policy->rules[i];
		bool is_of_all = rule->is_for_everyone ||
				 (!permit->is_for_everyone && !(permit->roles & ~rule->roles));

		if (is_flat(rule) && is_of_all && speaks_of(rule, device))
			left &= ~rule->actions;
	}
	return !left;
}

static void fill(const struct policy *policy, const struct rule *rule, struct rules_promise *out)
{
	*out = (struct rules_promise){
		.rule = rule->id,
		.why = rule->why,
		.is_for_everyone = rule->is_for_everyone,
		.purposes = rule->when.purposes.items,
		.purpose_count = rule->when.purposes.count,
		.needs_consent = rule->when.consent == CONSENT_GRANTED,
		.needs_reason = rule->needs_reason,
		.approvals = rule->approvals.count,
	};
	for (unsigned i = 0; !rule->is_for_everyone && i < policy->role_count; i++)
		if (rule->roles >> i & 1)
			out->roles[out->role_count++] = policy->roles[i].name;
}

void rules_each_promise(const struct policy *policy, const struct rules_device *device,
			rules_promise_fn *tell, void *context)
{
	static const uint32_t ACTIONS[RULES_PROMISED_COUNT] = {
		[RULES_LOOKED_AT] = PROMISE_LOOKS,
		[RULES_UNMASKED] = UINT32_C(1) << ACTION_UNMASK,
		[RULES_RECEIVED] = UINT32_C(1) << ACTION_COPY,
	};

	for (unsigned what = 0; what < RULES_PROMISED_COUNT; what++)
		for (size_t i = 0; i < policy->rule_count; i++) {
			const struct rule *rule = &policy->rules[i];
			struct rules_promise promise;

			if (rule->effect != EFFECT_PERMIT || !(rule->actions & ACTIONS[what]) ||
			    !speaks_of(rule, device) ||
			    is_taken_back(policy, rule, ACTIONS[what], device))
				continue;
			fill(policy, rule, &promise);
			promise.what = (enum rules_promised)what;
			if (what == RULES_UNMASKED)
				promise.classes = rule->contains & promise_classes(policy);
			if (what != RULES_UNMASKED || !rule->contains || promise.classes)
				tell(context, &promise);
		}
}

bl_classes rules_hidden(const struct policy *policy)
{
	return promise_classes(policy);
}

const char *rules_class_words(unsigned class)
{
	return class < CLASS_COUNT ? promise_class_words(NULL, class) : "";
}
