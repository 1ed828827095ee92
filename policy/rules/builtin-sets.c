/*
 * The sets of rules that come with Bailee. Each rule names its clause in `why`, is for everyone, and only forbids,
 * withholds or masks, so that a policy that uses a set can do less than one that does not.
 *
 * How consent is stated (builtin/gdpr): a record that is missing counts as consent withdrawn, as every unknown fact
 * counts against the reader, and because Article 7(1) has the controller prove consent. What rests on something else than
 * consent says so by its purpose, and then no record is asked for: `contract`, `legal-obligation`, `vital-interest`,
 * `public-task` and `legitimate-interest` are Article 6(1)(b) to (f), `customer-request` and `complaint` are requests of
 * the data subject (Article 6(1)(b) and Articles 12 to 22). A file's own permits still say who may state which.
 *
 * builtin/hipaa-safe-harbor fills dates of birth: the year may stand only of people under 90, and no mask can tell.
 */
#include "policy/rules/load.h"

#define EVERYONE "  who: everyone\n"

static const char PCI[] =
	"- id: pci-3-3-1\n"
	"  withhold: [any]\n" EVERYONE
	"  what: {contains: [card-track, card-pin, card-security-code]}\n"
	"  why: 'PCI DSS 4.0.1, 3.3.1: track data, PINs and security codes must not be kept, so a "
	"file that holds some stays closed.'\n"
	"- id: pci-3-4-1\n"
	"  mask: {card: keep-first-6-last-4}\n" EVERYONE
	"  why: 'PCI DSS 4.0.1, 3.4.1: of a card number at most the BIN and the last four digits "
	"are shown.'\n"
	"- id: pci-3-4-1-unmask\n"
	"  forbid: [unmask]\n" EVERYONE
	"  what: {contains: [card, card-track, card-pin, card-security-code]}\n"
	"  why: 'PCI DSS 4.0.1, 3.4.1 and 3.3.1: no card number is shown whole, and no track, PIN "
	"or security code at all.'\n"
	"- id: pci-3-4-2\n"
	"  forbid: [copy]\n" EVERYONE "  what: {contains: [card]}\n"
	"  unless: {approved: copy}\n"
	"  why: 'PCI DSS 4.0.1, 3.4.2: card numbers are not copied or moved without explicit "
	"authorisation.'\n";

#define SAFE_HARBOR "45 CFR 164.514(b)(2)(i)"

/* One mask for each letter of the list that a class stands for; (P), biometrics, is of no class. */
#define IDENTIFIER(letter, capital, masks, words)                                                  \
	"- id: hipaa-164-514-b-2-i-" letter "\n"                                                   \
	"  mask: {" masks "}\n" EVERYONE "  why: '" SAFE_HARBOR "(" capital "): " words            \
	" of a patient, relatives, employers and household members are removed.'\n"

static const char HIPAA[] = IDENTIFIER("a", "A", "name: fill, customer: fill", "names") IDENTIFIER(
	"b", "B", "address: fill, postcode: fill, location: fill",
	"geographic units smaller than a state") IDENTIFIER("c", "C", "date-of-birth: year-only",
							    "dates finer than the year")
	IDENTIFIER("d", "D", "phone: fill", "telephone numbers") IDENTIFIER(
		"e", "E", "phone: fill",
		"fax numbers") IDENTIFIER("f", "F", "email: fill",
					  "e-mail addresses") IDENTIFIER("g", "G",
									 "national-id: fill, "
									 "tax-id: fill",
									 "social security numbers")
		IDENTIFIER("h", "H", "health-id: fill", "medical record numbers") IDENTIFIER(
			"i", "I", "health-id: fill",
			"health plan numbers") IDENTIFIER("j", "J",
							  "card: fill, iban: fill, bank-account: "
							  "fill",
							  "account numbers") IDENTIFIER("k", "K",
											"driving-"
											"licence: "
											"fill, "
											"passport: "
											"fill",
											"certificat"
											"e and "
											"licence "
											"numbers")
			IDENTIFIER(
				"l", "L", "vin: fill, plate: fill",
				"vehicle identifiers and plates") IDENTIFIER("m", "M",
									     "imei: fill, mac: "
									     "fill",
									     "device identifiers "
									     "and serial numbers")
				IDENTIFIER("n", "N", "url-credentials: fill",
					   "web addresses that tell who somebody is")
					IDENTIFIER(
						"o", "O", "ip: fill",
						"internet addresses") "- id: "
								      "hipaa-164-514-b-2-i-q\n"
								      "  withhold: [image, "
								      "video]\n" EVERYONE
								      "  unless: {approved: "
								      "copy}\n"
								      "  why: '" SAFE_HARBOR
								      "(Q): full-face "
								      "photographs and "
								      "comparable images are "
								      "removed, and "
								      "no picture tells "
								      "beforehand whether it is "
								      "one.'\n" IDENTIFIER(
									      "r", "R",
									      "crypto-address: "
									      "fill",
									      "other unique "
									      "numbers and "
									      "codes") "- id: "
										       "hipaa-"
										       "164-514-"
										       "b-2-i\n"
										       "  "
										       "forbid: "
										       "[unmask]"
										       "\n" EVERYONE
										       "  what: "
										       "{contain"
										       "s: "
										       "[name, "
										       "customer"
										       ", "
										       "address,"
										       " postcod"
										       "e, "
										       "location"
										       ", "
										       "date-of-"
										       "birth, "
										       "phone, "
										       "email, "
										       "national"
										       "-id, "
										       "tax-id, "
										       "health-"
										       "id, "
										       "card, "
										       "iban, "
										       "bank-"
										       "account,"
										       " driving"
										       "-licence"
										       ", "
										       "passport"
										       ", vin, "
										       "plate, "
										       "imei, "
										       "mac, "
										       "url-"
										       "credenti"
										       "als, "
										       "ip, "
										       "crypto-"
										       "address]"
										       "}\n"
										       "  "
										       "unless: "
										       "{approve"
										       "d: "
										       "unmask}"
										       "\n"
										       "  why: "
										       "'" SAFE_HARBOR
										       ": what "
										       "is "
										       "shown "
										       "is "
										       "de-"
										       "identifi"
										       "ed, and "
										       "somebody"
										       " else "
										       "has to "
										       "agree "
										       "to undo "
										       "that.'"
										       "\n";

static const char GDPR[] =
	"- id: gdpr-5-1-c\n"
	"  mask: {name: shape, email: keep-domain, phone: keep-last-4, address: shape, "
	"date-of-birth: year-only, location: fill}\n" EVERYONE
	"  why: 'GDPR Article 5(1)(c), data minimisation: no more of a person is shown than the "
	"task needs.'\n"
	"- id: gdpr-6-7-consent\n"
	"  forbid: [read, copy, unmask]\n" EVERYONE "  when: {consent: withdrawn}\n"
	"  unless: {purpose: [contract, legal-obligation, vital-interest, public-task, "
	"legitimate-interest, customer-request, complaint]}\n"
	"  why: 'GDPR Articles 6(1)(a) and 7: nothing is opened once consent is withdrawn, and "
	"consent that nobody recorded cannot be proven.'\n"
	"- id: gdpr-9\n"
	"  mask: {health-id: fill}\n" EVERYONE
	"  why: 'GDPR Article 9(1), special categories: what tells of health is not shown.'\n"
	"- id: gdpr-9-unmask\n"
	"  forbid: [unmask]\n" EVERYONE "  what: {contains: [health-id]}\n"
	"  unless: {approved: unmask}\n"
	"  why: 'GDPR Article 9(2): special categories are opened only when somebody else agrees "
	"that an exception holds.'\n"
	"- id: gdpr-87\n"
	"  mask: {national-id: fill, tax-id: fill, passport: fill, driving-licence: "
	"fill}\n" EVERYONE
	"  why: 'GDPR Article 87: national identification numbers are not shown.'\n"
	"- id: gdpr-87-unmask\n"
	"  forbid: [unmask]\n" EVERYONE
	"  what: {contains: [national-id, tax-id, passport, driving-licence]}\n"
	"  unless: {approved: unmask}\n"
	"  why: 'GDPR Article 87: a national identification number is opened only when somebody "
	"else agrees.'\n";

const struct shipped_set SHIPPED_SETS[] = {
	{"builtin/pci", PCI},
	{"builtin/hipaa-safe-harbor", HIPAA},
	{"builtin/gdpr", GDPR},
};
const size_t SHIPPED_SET_COUNT = BL_COUNT(SHIPPED_SETS);
