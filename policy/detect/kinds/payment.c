/* Cards by their labels and on their stripes, and the account numbers of banks */
#include "policy/detect/kind.h"
#include "policy/detect/kinds/bank.h"
#include "policy/detect/kinds/near.h"
#include "policy/detect/kinds/number.h"
#include "policy/detect/verify.h"

#include <string.h>

/* ---- cards --------------------------------------------------------------------------------------- */

/* Behind "card number" any issuer will do, also one that is newer than our table. */
static bool is_card_number(const char *value, size_t count)
{
	uint8_t digits[19];

	if (count < 12 || count > sizeof(digits))
		return false;
	for (size_t i = 0; i < count; i++)
		digits[i] = (uint8_t)(value[i] - '0');
	return verify_luhn(digits, count) && strspn(value, "0") < 4;
}

/* A card's number at @at, bare: its length, 0 when there is none. */
static size_t stripe_card(const struct text *text, size_t at)
{
	uint8_t digits[20];
	size_t count = 0;

	while (count < sizeof(digits) && at + count < text->length &&
	       text_is_digit(text->bytes[at + count])) {
		digits[count] = (uint8_t)(text->bytes[at + count] - '0');
		count++;
	}
	return verify_card(digits, count) ? count : 0;
}

/* YYMM and the three digits of the service code at @at (ISO/IEC 7813, 4 and 5). */
static bool has_expiry(const struct text *text, size_t at)
{
	unsigned month;

	if (at + 7 > text->length)
		return false;
	for (size_t i = 0; i < 7; i++)
		if (!text_is_digit(text->bytes[at + i]))
			return false;
	month = (text->bytes[at + 2] - '0') * 10u + text->bytes[at + 3] - '0';
	return month >= 1 && month <= 12;
}

/* The rest of a track: discretionary data, end sentinel. */
static size_t stripe_end(const struct text *text, size_t at, size_t limit)
{
	size_t end = at;

	while (end < text->length && end - at < limit && text_is_alnum(text->bytes[end]))
		end++;
	return end < text->length && text->bytes[end] == '?' ? end + 1 : end;
}

#define TRACK_1_NAME 26
#define TRACK_REST   60

/* ISO/IEC 7813, track 1, format B: "%B", number, '^', name, '^', YYMM, service code, the rest, '?'. Begins at the 'B'. */
static size_t match_track_1(const struct text *text, size_t at)
{
	size_t name, end, count;

	if (text_lower(text->bytes[at]) != 'b' || (at > 0 && text_is_alnum(text->bytes[at - 1])))
		return at;
	count = stripe_card(text, at + 1);
	name = at + 1 + count;
	if (!count || name >= text->length || text->bytes[name] != '^')
		return at;
	for (end = ++name; end < text->length && end - name <= TRACK_1_NAME; end++)
		if (text->bytes[end] == '^' || text->bytes[end] < ' ')
			break;
	if (end >= text->length || text->bytes[end] != '^' || !has_expiry(text, end + 1))
		return at;
	return stripe_end(text, end + 8, TRACK_REST);
}

/* Track 2: ';', number, '=', YYMM, service code, the rest, '?'; chips (EMV tag 57) have a 'D' for the '='. Begins at the number. */
static size_t match_track_2(const struct text *text, size_t at)
{
	size_t count, end;

	if (!text_is_digit(text->bytes[at]) || (at > 0 && text_is_alnum(text->bytes[at - 1])))
		return at;
	count = stripe_card(text, at);
	end = at + count;
	if (!count || end >= text->length ||
	    (text->bytes[end] != '=' && text_lower(text->bytes[end]) != 'd') ||
	    !has_expiry(text, end + 1))
		return at;
	return stripe_end(text, end + 8, TRACK_REST);
}

static const char code_words[] = "|cvv|cvc|cid|csc|cvn|cvd|cav|cvvc|cvvcvc|security|verification|"
				 "sicherheitscode|prufziffer|prufnummer|kartenprufnummer|"
				 "kartenprufziffer|cryptogramme|securite|seguridad|seguranca|"
				 "sicurezza|beveiligingscode|veiligheidscode|securitycode|"
				 "cardcode|cvvnumber|cvccode|cvvcode|cvvno|pruefziffer|pruefnummer|"
				 "kartenpruefnummer|verificacion|controle|kontrolny|"
				 "zabezpieczajacy|kod|verifica|";
static const char pin_words[] = "|pin|pins|pincode|pinnumber|pinno|geheimzahl|geheimnummer|"
				"kartenpin|secret|clave|nip|passcode|pincodes|pinkod|"
				"pinkode|cardpin|atmpin|epin|mpin|tpin|";

/* @least to @most digits that stand alone, right behind one of @words. */
static size_t short_code(const struct text *text, size_t at, size_t least, size_t most,
			 const char *words)
{
	size_t end = at;

	while (end < text->length && end - at <= most && text_is_digit(text->bytes[end]))
		end++;
	if (end - at < least || end - at > most || !text_starts_word(text, at) ||
	    !text_ends_word(text, end) || (at > 0 && memchr(".,/$", text->bytes[at - 1], 4)))
		return at;
	if (end + 1 < text->length && memchr(".,:/-", text->bytes[end], 5) &&
	    text_is_digit(text->bytes[end + 1]))
		return at;
	return near_behind(text, at, words) ? end : at;
}

static size_t match_code(const struct text *text, size_t at)
{
	return short_code(text, at, 3, 4, code_words);
}

static size_t match_pin(const struct text *text, size_t at)
{
	return short_code(text, at, 4, 8, pin_words);
}

/* ---- accounts --------------------------------------------------------------------------------------- */

static const char account_words[] = "|account|accounts|acct|acc|accountnumber|accountno|acctno|"
				    "accno|bankaccount|checking|savings|a|c|ac|chequing|"
				    "kontonummer|kontonr|konto|kto|ktonr|bankkonto|bankverbindung|"
				    "compte|cuenta|conto|conta|rekening|rekeningnummer|"
				    "bankrekening|bankrekeningnummer|rachunku|rachunek|konta|"
				    "kontonummeret|giro|bankgiro|plusgiro|postgiro|corrente|"
				    "corriente|poupanca|bancaire|bancaria|bankkontonummer|iban|"
				    "debit|credit|clearing|tili|tilinumero|uctu|banco|bank|";

/* Six to seventeen digits, in groups or not, right behind such a word. */
static size_t match_account(const struct text *text, size_t at)
{
	struct number number;
	size_t groups = 0, end;

	if (!text_is_digit(text->bytes[at]) || number_follows_letter(text, at) ||
	    number_follows_number(text, at))
		return at;
	number_parse(text, at, &number);
	if (number.groups == 0 || number.is_cut || number_is_date(&number))
		return at;
	for (size_t i = 0; i < number.groups && number.group[i].until <= 17; i++) {
		const struct number_gap *gap = &number.group[i].gap;

		if (i && (gap->separator == 'M' || gap->opens || gap->closes))
			break;
		/* "12345678 2024": what is long enough takes no more that a space keeps apart. */
		if (i && gap->style == ' ' && number.group[i - 1].until >= 7 &&
		    (number.group[0].size > 5 || number.group[i].size > 4))
			break;
		if (i && gap->style == '.' && number.group[i].size == 2)
			break; /* an amount */
		groups = i + 1;
	}
	if (!groups || number.group[groups - 1].until < 6)
		return at;
	end = number.group[groups - 1].end;
	/* "12345-6": a check character, where it is a letter, belongs to it */
	if (end + 1 < text->length && text->bytes[end] == '-' &&
	    text_lower(text->bytes[end + 1]) == 'x' && text_ends_word(text, end + 2))
		end += 2;
	if (!text_ends_word(text, end) || (end + 2 < text->length && text->bytes[end] == ',' &&
					   text_is_digit(text->bytes[end + 1])))
		return at;
	return near_behind(text, at, account_words) ? end : at;
}

static const char short_words[] = "|transit|institution|branch|agencia|ag|abi|cab|filiale|"
				  "filialnummer|guichet|banque|sucursal|clearing|bsr|"
				  "branchcode|bankcode|bank|";

/* Numbers of branches: three to five digits, and a check digit in Brazil. */
static size_t match_branch(const struct text *text, size_t at)
{
	size_t end = short_code(text, at, 3, 6, short_words);

	if (end > at)
		return end;
	for (end = at; end < text->length && end - at < 5 && text_is_digit(text->bytes[end]);)
		end++;
	if (end - at < 3 || end + 1 >= text->length || text->bytes[end] != '-' ||
	    !text_is_alnum(text->bytes[end + 1]) || !text_ends_word(text, end + 2))
		return at;
	return near_behind(text, at, short_words) ? end + 2 : at;
}

/* ISO 9362: as it is always written, in capitals; the country is in it. */
static size_t match_bic(const struct text *text, size_t at)
{
	size_t end = at;

	while (end < text->length && end - at < 12 && text_is_alnum(text->bytes[end]) &&
	       (text->bytes[end] < 'a'))
		end++;
	return (end - at == 8 || end - at == 11) && text_starts_word(text, at) &&
			       text_ends_word(text, end)
		       ? end
		       : at;
}

#define CARD_LABELS                                                                                \
	"card|card number|card no|cardno|cardnumber|credit card|creditcard|debit card|cc|cc "      \
	"no|cc number|ccnum|pan|visa|"                                                             \
	"mastercard|maestro|amex|american "                                                        \
	"express|diners|jcb|unionpay|rupay|verve|"                                                 \
	"karte|kartennummer|kartennr|kreditkarte|kreditkartennummer|carte|numéro de carte|carte " \
	"bancaire|carte bleue|"                                                                    \
	"tarjeta|número de tarjeta|carta|carta di credito|numero carta|cartão|número do "       \
	"cartão|kaart|kaartnummer|"                                                               \
	"creditcardnummer|karta|karty|numer karty|kort|kortnummer|карта|номер "          \
	"карты|カード番号|卡号|信用卡"

static const struct kind rows[] = {
	{.id = "card-labelled",
	 .standard = "ISO/IEC 7812-1",
	 .class = CLASS_CARD,
	 .trust = KIND_LABELLED,
	 .forms = "d{12,19}|d{4}-d{4}-d{4}-d{4}-d{3}|d{4}-d{4}-d{4}-d{1,4}|d{4}-d{6}-d{4,5}|d{6}-d{"
		  "6,13}",
	 .check = is_card_number,
	 .labels = CARD_LABELS},
	{.id = "card-track-1",
	 .standard = "ISO/IEC 7813, track 1 format B",
	 .class = CLASS_CARD_TRACK,
	 .trust = KIND_SURE,
	 .forms = "Bd{8,19}",
	 .match = match_track_1},
	{.id = "card-track-2",
	 .standard = "ISO/IEC 7813, track 2; EMV tag 57",
	 .class = CLASS_CARD_TRACK,
	 .trust = KIND_SURE,
	 .forms = "d{8,19}|d{8,19}Dx{7,20}",
	 .match = match_track_2},
	{.id = "card-security-code",
	 .standard = "EMVCo and networks: three digits, American Express four",
	 .class = CLASS_CARD_SECURITY_CODE,
	 .trust = KIND_LABELLED,
	 .forms = "d{3,4}",
	 .match = match_code,
	 .labels = "cvv|cvv2|cvc|cvc2|cid|csc|cvn|cvn2|cvd|cav2|security code|securitycode|card "
		   "code|verification code|"
		   "verification value|verification number|cvv code|cvc code|cvv "
		   "number|sicherheitscode|prüfziffer|prüfnummer|"
		   "kartenprüfnummer|kartenprüfziffer|cryptogramme|cryptogramme visuel|code de "
		   "sécurité|code de vérification|"
		   "código de seguridad|código de verificación|código de segurança|codice di "
		   "sicurezza|codice di verifica|"
		   "beveiligingscode|veiligheidscode|kod cvv|kod cvc|kod zabezpieczający"},
	{.id = "card-pin",
	 .standard = "ISO 9564-1: four to twelve digits, mostly four",
	 .class = CLASS_CARD_PIN,
	 .trust = KIND_LABELLED,
	 .forms = "d{4,8}",
	 .match = match_pin,
	 .labels = "pin|pins|pin code|pincode|pin number|pin no|card pin|atm "
		   "pin|mpin|tpin|passcode|geheimzahl|geheimnummer|"
		   "kartenpin|code secret|code pin|código pin|clave|nip|codice "
		   "pin|pinkod|pinkode|kod pin|пин|пин-код"},
	{.id = "us-aba",
	 .standard =
		 "ABA Routing Number Policy: 3-7-1, first two digits of a Federal Reserve district",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{9}|d{4}-d{4}-d{1}|d{3}-d{3}-d{3}",
	 .check = bank_is_aba,
	 .labels = "routing|routing number|routing no|routing transit|rtn|aba|aba no|aba "
		   "number|transit number|ach|wire"},
	{.id = "account",
	 .standard =
		 "national account numbers: US 6-17 digits, GB 8, CA 7-12, AU 6-10, IN 9-18, DE 10",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{1,32}",
	 .match = match_account,
	 .labels = "account|accounts|account number|account no|accountnumber|accountno|acct|acct "
		   "no|acctno|acc no|acc|a/c|a/c no|"
		   "bank "
		   "account|bankaccount|checking|savings|chequing|kontonummer|konto-nr|kontonr|"
		   "ktonr|kto|kto-nr|konto|"
		   "bankkonto|bankverbindung|compte|numéro de compte|n° de compte|compte "
		   "bancaire|cuenta|número de cuenta|"
		   "cuenta bancaria|cuenta corriente|nº de cuenta|conto|conto corrente|numero di "
		   "conto|c/c|conta|conta corrente|"
		   "conta poupança|número da "
		   "conta|rekening|rekeningnummer|bankrekening|bankrekeningnummer|rachunek|"
		   "numer rachunku|nr rachunku|numer konta|nr "
		   "konta|kontonummer|bankgiro|plusgiro|postgiro|tilinumero|"
		   "číslo účtu|номер счета|счет|口座番号|普通預金"},
	{.id = "gb-sort-code",
	 .standard = "Pay.UK (BACS): three pairs of digits",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{2}-d{2}-d{2}|d{6}|d{2}-d{2}-d{2} d{8}|d{6} d{8}",
	 .labels = "sort code|sort-code|sortcode|sort codes|bank sort code|s/c"},
	{.id = "ca-transit",
	 .standard = "Payments Canada, Rule: five digits of the branch, three of the institution",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{5}-d{3}|0d{8}|d{5}-d{3}-d{7,12}",
	 .labels = "transit|transit number|transit no|institution|institution number|numéro de "
		   "transit|direct deposit|eft"},
	{.id = "branch",
	 .standard = "Payments Canada; Febraban; ABI/CAB",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{3,6}",
	 .match = match_branch,
	 .labels = "transit|transit number|transit no|institution number|institution no|branch "
		   "code|agência|agencia|ag|abi|cab|"
		   "code banque|code guichet|bank code|clearing|clearing number|clearing no"},
	{.id = "au-bsb",
	 .standard = "AusPayNet BSB: three and three digits",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{3}-d{3}|d{6}",
	 .labels = "bsb|bsb no|bsb number|bsb code"},
	{.id = "nz-account",
	 .standard = "Payments NZ: bank, branch, account, suffix",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{2}-d{4}-d{7}-d{2,3}",
	 .labels = "account|account number|acct|bank|bank account|a/c|direct debit|direct credit"},
	{.id = "in-ifsc",
	 .standard = "Reserve Bank of India: four letters, 0, six of the branch",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "a{4}0x{6}",
	 .labels = "ifsc|ifsc code|ifsccode|ifs code|rtgs|neft|imps|bank|branch"},
	{.id = "de-blz",
	 .standard = "Deutsche Bundesbank, Bankleitzahlendatei: eight digits, the first 1 to 8",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{8}|d{3}-d{3}-d{2}",
	 .check = bank_is_blz,
	 .labels = "blz|bankleitzahl|bank code|at-blz"},
	{.id = "fr-rib",
	 .standard = "CFONB: bank, branch, account, key mod 97",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{5}_d{5}_x{11}_d{2}",
	 .check = bank_is_rib,
	 .labels = "rib|relevé d'identité bancaire|compte|numéro de compte|n° de "
		   "compte|coordonnées bancaires|compte bancaire|"
		   "domiciliation|bban|virement|prélèvement|banque"},
	{.id = "es-ccc",
	 .standard = "Consejo Superior Bancario: two check digits mod 11",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{4}_d{4}_d{2}_d{10}|d{4}-d{4}-d{4}-d{4}-d{4}",
	 .check = bank_is_ccc,
	 .labels = "ccc|código cuenta cliente|cuenta|cuenta corriente|cuenta bancaria|número de "
		   "cuenta|nº de cuenta|nº cuenta|"
		   "domiciliación|transferencia|banco"},
	{.id = "it-bban",
	 .standard = "ABI: CIN, bank, branch, account",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "a_d{5}_d{5}_x{12}",
	 .check = bank_is_it_bban,
	 .labels = "bban|conto|conto corrente|c/c|coordinate bancarie|numero di "
		   "conto|bonifico|cin|banca"},
	{.id = "mx-clabe",
	 .standard = "ABM: eighteen digits, weights 3-7-1",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{18}|d{3}-d{3}-d{11}-d|d{3}-d{3}-d{12}|d{4}-d{4}-d{4}-d{4}-d{2}",
	 .check = bank_is_clabe,
	 .labels = "clabe|clabe interbancaria|cuenta|cuenta clabe|transferencia|spei|banco"},
	{.id = "pl-nrb",
	 .standard = "NBP: 26 digits, mod 97 as in the IBAN",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{2}_d{4}_d{4}_d{4}_d{4}_d{4}_d{4}",
	 .check = bank_is_nrb,
	 .labels = "nrb|konto|konta|numer konta|nr konta|rachunek|rachunku|numer rachunku|nr "
		   "rachunku|przelew|bank|account"},
	{.id = "be-account",
	 .standard = "Febelfin: 3-7-2, mod 97",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{3}-d{7}-d{2}",
	 .check = bank_is_be,
	 .labels = "rekening|rekeningnummer|bankrekening|compte|numéro de compte|n° de "
		   "compte|account|bank"},
	{.id = "br-account",
	 .standard = "Febraban: account and check digit",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{3,12}-x|d{2,3}.d{3}-x|d{1,3}.d{3}.d{3}-x",
	 .labels =
		 "conta|conta corrente|conta poupança|c/c|cc|nº da conta|número da conta|poupança"},
	{.id = "se-giro",
	 .standard = "Bankgirot, PlusGirot",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .forms = "d{3,4}-d{4}|d{1,7}\\-d",
	 .labels = "bankgiro|bankgironr|plusgiro|plusgironr|postgiro"},
	{.id = "swift-bic",
	 .standard = "ISO 9362",
	 .class = CLASS_BANK_ACCOUNT,
	 .trust = KIND_LABELLED,
	 .match = match_bic,
	 .check = bank_is_bic,
	 .labels = "bic|swift|swift code|swift/bic|bic/swift|swift-bic|bic "
		   "code|bic-code|swiftcode|biccode|bank identifier|"
		   "code bic|código bic|código swift|codice bic|codice swift|kod swift|kod bic"},
};
const struct kind_table kinds_payment = {rows, BL_COUNT(rows)};
