/* What tells one device from all others, by label: IMEI and MEID, SIM cards, serial numbers, identifiers of systems */
#include "policy/detect/kind.h"
#include "policy/detect/kinds/near.h"
#include "policy/detect/verify.h"

#include <string.h>

static size_t to_digits(const char *value, size_t count, uint8_t out[40])
{
	size_t i;

	for (i = 0; i < count && i < 40 && text_is_digit((uint8_t)value[i]); i++)
		out[i] = (uint8_t)(value[i] - '0');
	return i == count ? count : 0;
}

/* 3GPP TS 23.003, 6.2: IMEI with its Luhn digit (15), without (14), or with a software version instead (16). */
static bool is_imei(const char *value, size_t count)
{
	uint8_t digits[40];

	if (to_digits(value, count, digits) != count || strspn(value, "0") >= 8)
		return false;
	return count == 14 || count == 16 || (count == 15 && verify_luhn(digits, 15));
}

/* Behind words as weak as "device" it has to be whole, and of a body that gives out type codes today (GSMA TS.06). */
static bool is_clear_imei(const char *value, size_t count)
{
	uint8_t digits[40];

	return count == 15 && to_digits(value, 15, digits) == 15 && verify_luhn(digits, 15) &&
	       (memcmp(value, "35", 2) == 0 || memcmp(value, "86", 2) == 0 ||
		memcmp(value, "01", 2) == 0 || memcmp(value, "99", 2) == 0);
}

/* ITU-T E.118: 89, country, issuer, Luhn; Apple and others leave the check digit out (18, 19 digits) or pad with F. */
static bool is_iccid(const char *value, size_t count)
{
	uint8_t digits[40];
	size_t least, most;

	if (count > 18 && value[count - 1] == 'F')
		count--;
	if (count < 18 || count > 22 || to_digits(value, count, digits) != count ||
	    memcmp(value, "89", 2) != 0)
		return false;
	/* +1 and +7 are written 01 and 07. */
	return verify_calling_code(digits + 2 + (digits[2] == 0), count - 3, &least, &most) > 0;
}

/* GSMA SGP.02: 32 digits that are 1 mod 97. */
static bool is_eid(const char *value, size_t count)
{
	unsigned rest = 0;

	for (size_t i = 0; i < count; i++)
		rest = (rest * 10 + (unsigned)(value[i] - '0')) % 97;
	return count == 32 && rest == 1;
}

/* ITU-T E.212: a country's code begins with 2 to 7 or 9. */
static bool is_imsi(const char *value, size_t count)
{
	return (count == 14 || count == 15) && value[0] >= '2' && value[0] != '8';
}

static const char serial_words[] =
	"|serial|serials|serialnumber|serialno|serialnr|sn|s|ser|seriennummer|seriennr|serien|"
	"serie|serienummer|seryjny|"
	"seriale|matricola|tag|servicetag|assettag|geratenummer|geraetenummer|serijski|seri|"
	"sarjanumero|serinumarasi|"
	"deviceid|device|imei|meid|esn|hardware|hwid|udid|uuid|identifier|";

/* 3GPP2 X.S0008: what has letters is hexadecimal; eighteen or eleven digits are the same in decimal. */
static bool is_meid(const char *value, size_t count)
{
	return count > 0 && strspn(value, "0") < count - 2;
}

/* Makers write letters, digits and hyphens as they please: right behind its label, with digits in it. */
static size_t match_serial(const struct text *text, size_t at)
{
	size_t end = at, digits = 0, lower = 0, upper = 0;

	if (!text_is_alnum(text->bytes[at]) || !text_starts_word(text, at))
		return at;
	while (end < text->length && end - at < 40) {
		uint8_t byte = text->bytes[end];
		bool is_joint = (byte == '-' || byte == '/' || byte == '.' || byte == '_') &&
				end + 1 < text->length && text_is_alnum(text->bytes[end + 1]) &&
				end > at;

		if (!text_is_alnum(byte) && !is_joint)
			break;
		digits += text_is_digit(byte);
		lower += byte >= 'a' && byte <= 'z';
		upper += byte >= 'A' && byte <= 'Z';
		end++;
	}
	if (end - at < 5 || digits < 2 || (digits < 3 && lower > upper) ||
	    !text_ends_word(text, end))
		return at;
	return near_behind(text, at, serial_words) ? end : at;
}

static const struct kind rows[] = {
	{.id = "imei",
	 .standard = "3GPP TS 23.003, 6.2",
	 .class = CLASS_IMEI,
	 .trust = KIND_LABELLED,
	 .forms = "d{14,16}|d{2}-d{6}-d{6}-d{1,2}|d{8}-d{6}-d|d{6}-d{2}-d{6}-d{1,2}|d{2}-d{2}-d{2}-"
		  "d{2}-d{2}-d{2}-d{2}-d|"
		  "d{3}-d{3}-d{3}-d{3}-d{3}|d{2}-d{6}-d{6}|d{8}-d{6}-d{2}",
	 .check = is_imei,
	 .labels = "imei|imei1|imei2|imei 1|imei 2|imeis|imeisv|imei/meid|imei no|imei "
		   "number|imei-nummer|número imei|numéro imei|"
		   "codice imei|numer imei"},
	{.id = "imei-device",
	 .standard = "3GPP TS 23.003, 6.2; GSMA TS.06",
	 .class = CLASS_IMEI,
	 .trust = KIND_LABELLED,
	 .forms = "d{15}|d{2}-d{6}-d{6}-d|d{8}-d{6}-d",
	 .check = is_clear_imei,
	 .labels = "device|handset|equipment|serial|phone|mobile|smartphone|iphone|android|tablet|"
		   "unit|modem|sim|gerät|handy|"
		   "appareil|téléphone|dispositivo|móvil|teléfono|cellulare|telefon|toestel|"
		   "urządzenie"},
	{.id = "meid",
	 .standard = "3GPP2 S.R0048-A",
	 .class = CLASS_IMEI,
	 .trust = KIND_LABELLED,
	 .forms = "h{14,15}|d{18}|d{10}-d{8}|d{5}-d{5}-d{4}-d{4}|h{8}|d{11}|h{2}-h{6}-h{6}",
	 .check = is_meid,
	 .labels = "meid|esn|pesn|meid hex|meid dec|esn/meid"},
	{.id = "iccid",
	 .standard = "ITU-T E.118",
	 .class = CLASS_IMEI,
	 .trust = KIND_LABELLED,
	 .forms = "d{18,22}|d{19}F|d{4}-d{4}-d{4}-d{4}-d{3,4}|d{5}-d{5}-d{5}-d{4,5}|d{4}-d{4}-d{4}-"
		  "d{4}-d{2,3}-d|"
		  "d{2}-d{2}-d{2}-d{4,12}-d{1,12}|d{2}-d{2}-d{4,12}-d{1,12}|d{6}-d{4}-d{4}-d{5,6}",
	 .check = is_iccid,
	 .labels = "iccid|icc|icc id|sim|sim card|simcard|sim no|sim number|sim serial|sim "
		   "id|uicc|usim|esim|simkarte|sim-karte|"
		   "carte sim|tarjeta sim|simkaart|karta sim|iccid1|iccid2"},
	{.id = "eid",
	 .standard = "GSMA SGP.02, annex: 32 digits, ISO 7064 mod 97-10",
	 .class = CLASS_IMEI,
	 .trust = KIND_LABELLED,
	 .forms = "89d{30}|d{4}-d{4}-d{4}-d{4}-d{4}-d{4}-d{4}-d{4}",
	 .check = is_eid,
	 .labels = "eid|euicc|esim|csn"},
	{.id = "imsi",
	 .standard = "ITU-T E.212",
	 .class = CLASS_IMEI,
	 .trust = KIND_LABELLED,
	 .forms = "d{14,15}|d{3}-d{2,3}-d{9,10}",
	 .check = is_imsi,
	 .labels = "imsi|supi|tmsi|imsi no|imsi number|subscriber identity"},
	{.id = "udid",
	 .standard = "Apple UDID; RFC 9562 (advertising, installation); Android ID: 64 bits",
	 .class = CLASS_IMEI,
	 .trust = KIND_LABELLED,
	 .forms = "h{40}|h{8}-h{16}|h{8}-h{4}-h{4}-h{4}-h{12}|h{32}|h{16}",
	 .labels = "udid|device id|deviceid|device identifier|device udid|android "
		   "id|androidid|ssaid|idfa|idfv|gaid|aaid|"
		   "advertising id|advertisingid|hardware uuid|hardware id|hwid|machine "
		   "id|gerätekennung|geräte-id|"
		   "identifiant de l'appareil|id del dispositivo|id dispositivo"},
	{.id = "serial",
	 .standard = "makers' own",
	 .class = CLASS_IMEI,
	 .trust = KIND_LABELLED,
	 .forms = "x{0,39}d",
	 .match = match_serial,
	 .labels = "s/n|sn|serial|serials|serial no|serial number|serialnumber|serialno|serial "
		   "nr|ser no|device serial|service tag|"
		   "asset tag|seriennummer|serien-nr|seriennr|serien "
		   "nr|gerätenummer|geräte-nr|numéro de série|n° de série|"
		   "no de série|n/s|número de serie|nº de serie|n.º de serie|núm. de serie|numero "
		   "di serie|matricola|seriale|"
		   "serienummer|numer seryjny|nr seryjny|número de série|sarjanumero|seri "
		   "no|серийный номер|シリアル番号|序列号"},
};
const struct kind_table kinds_device = {rows, BL_COUNT(rows)};
