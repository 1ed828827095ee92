/* Vehicles: their identification numbers, and their plates by label */
#include "policy/detect/kind.h"
#include "policy/detect/kinds/near.h"

#include <string.h>

#define VIN 17

/* 49 CFR 565.15 (c): letters as digits, weights, the rest mod 11 in the ninth place. I, O and Q are no letters of it. */
static bool has_vin_check(const char *value)
{
	static const char letters[] = "0123456789.ABCDEFGH..JKLMN.P.R..STUVWXYZ";
	static const uint8_t weights[VIN] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
	unsigned sum = 0;

	for (size_t i = 0; i < VIN; i++) {
		const char *letter = strchr(letters, value[i]);

		if (!letter || value[i] == '.')
			return false;
		sum += (unsigned)(letter - letters) % 10 * weights[i];
	}
	return value[8] == (sum % 11 == 10 ? 'X' : (char)('0' + sum % 11));
}

static void count_vin(const char *value, size_t count, size_t *out_digits, size_t *out_letters)
{
	*out_digits = *out_letters = 0;
	for (size_t i = 0; i < count; i++) {
		*out_digits += text_is_digit((uint8_t)value[i]);
		*out_letters += value[i] != 'I' && value[i] != 'O' && value[i] != 'Q' &&
				text_is_letter((uint8_t)value[i]);
	}
}

/* ISO 3779; European ones have no check digit. */
static bool is_vin(const char *value, size_t count)
{
	size_t digits, letters;

	count_vin(value, count, &digits, &letters);
	return count == VIN && digits + letters == VIN && digits >= 2 && letters >= 2;
}

/* Without a label: the check fits, and it is no number with a letter in it. */
static bool is_sure_vin(const char *value, size_t count)
{
	return is_vin(value, count) && strspn(value, "0123456789") < VIN - 3 &&
	       has_vin_check(value);
}

/* Seventeen capitals and digits that stand alone. */
static size_t match_vin(const struct text *text, size_t at)
{
	size_t end = at;

	while (end < text->length && end - at <= VIN && text->bytes[end] < 'a' &&
	       text_is_alnum(text->bytes[end]))
		end++;
	if (end - at != VIN || !text_starts_word(text, at) || !text_ends_word(text, end))
		return at;
	return at > 0 && memchr("-_/+=", text->bytes[at - 1], 5) && at > 1 &&
			       text_is_alnum(text->bytes[at - 2]) && text->bytes[at - 1] != '='
		       ? at
		       : end;
}

static const char plate_words[] =
	"|plate|plates|licenseplate|licenceplate|numberplate|platenumber|plateno|reg|registration|"
	"regno|regnumber|vrm|vrn|tag|"
	"kennzeichen|kfz|autokennzeichen|immatriculation|immatriculee|immatricule|plaque|matricula|"
	"placa|placas|patente|targa|"
	"targata|targato|kenteken|nummerplaat|rejestracyjny|rejestracyjna|tablica|rejestracja|"
	"registreringsnummer|nummerplade|"
	"regnr|skilt|rekisteritunnus|rekisterinumero|spz|rz|license|licence|vehicle|car|"
	"nummernschild|chapa|domain|plaka|";

/* One group of capitals (of any Latin alphabet) and digits; where it ends. */
static size_t plate_group(const struct text *text, size_t at, size_t *digits, size_t *letters)
{
	size_t end = at;

	while (end < text->length && end - at < 9) {
		uint8_t byte = text->bytes[end];

		if (text_is_digit(byte))
			++*digits;
		else if (byte >= 'A' && byte <= 'Z')
			++*letters;
		else if (byte == 0xc3 && end + 1 < text->length &&
			 memchr("\x84\x96\x9c", text->bytes[end + 1], 3)) /* A, O, U with dots */
			++*letters, end++;
		else
			break;
		end++;
	}
	return end;
}

/* As registers write them. GB: DVLA INF104; FR: SIV; IT: L. 137/2012; ES: RD 2822/1998; DE: FZV; NL: RDW; IN: CMVR 50; BR: Mercosul; US, SE, PL, CH */
static const struct kind registered = {
	.forms = "a{2}d{2}_a{3}|a{1}d{1,3}_a{3}|a{3}_d{1,3}a|"	   /* GB */
		 "a{2}-d{3}-a{2}|a{2}d{3}a{2}|d{1,4} a{2,3} d{2}|" /* FR, IT */
		 "a{2}_d{3}_a{2}|d{4}_a{3}|"			   /* IT, ES */
		 "a{1,3}-a{1,2}_d{1,4}|a{1,3}-a{1,2}_d{1,4}E|a{1,3}-a{1,2}_d{1,4}H|a{1,3} a{1,2} "
		 "d{1,4}|" /* DE */
		 "a{2}-d{2}-d{2}|d{2}-a{2}-a{2}|d{2}-a{2}-d{2}|a{2}-a{2}-d{2}|a{2}-d{2}-a{2}|d{2}-"
		 "a{3}-d{1}|"
		 "d-a{3}-d{2}|a{2}-d{3}-a|a-d{3}-a{2}|d{1}-a{2}-d{3}|a{3}-d{2}-a|" /* NL */
		 "a{2}_d{2}_a{1,3}_d{4}|a{3}_d{4}|a{3}da d{2}|a{3}dad{2}|"	   /* IN, BR */
		 "a{3}_d{3,4}|d{3}_a{3}|da{3}d{3}|a{2}_d{5}|a{2,3}_d{5}", /* US, SE, PL, CH */
};

/* Four to nine capitals and digits in up to four groups, both sorts in it. */
static size_t any_plate(const struct text *text, size_t at)
{
	size_t digits = 0, letters = 0, end = at, best = at;

	for (size_t i = 0; i < 4; i++) {
		size_t start = end + (i > 0), stop = plate_group(text, start, &digits, &letters);

		if (stop == start || !text_ends_word(text, stop) || digits + letters > 9)
			break;
		end = stop;
		if (digits && letters && digits + letters >= 4)
			best = end;
		if (end + 1 >= text->length || !memchr(" -.", text->bytes[end], 3))
			break;
	}
	return best;
}

/* Does a value follow directly, as in "plate: ab12 cde"? */
static bool follows_joint(const struct text *text, size_t at)
{
	while (at > 0 && memchr(" \t\"'", text->bytes[at - 1], 4))
		at--;
	return at > 0 && memchr(":=,>#\n", text->bytes[at - 1], 6);
}

static bool has_lower(const struct text *text, size_t at, size_t end)
{
	for (; at < end; at++)
		if (text->bytes[at] >= 'a' && text->bytes[at] <= 'z')
			return true;
	return false;
}

/* Right behind the label any, further away one that is written in capitals as some register has it. */
static size_t match_plate(const struct text *text, size_t at)
{
	size_t end = kind_end(&registered, text, at), other;

	if (!text_starts_word(text, at))
		return at;
	if (end > at && has_lower(text, at, end) && !follows_joint(text, at))
		end = at;
	other = any_plate(text, at);
	if (other > end && near_behind(text, at, plate_words))
		end = other;
	return end;
}

#define PLATE_LABELS                                                                               \
	"license plate|licence plate|licenseplate|number plate|numberplate|plate|plates|plate "    \
	"number|plate no|reg|reg no|"                                                              \
	"reg number|regno|registration|registration number|registration no|registration "          \
	"plate|vrm|vrn|license tag|"                                                               \
	"vehicle reg|vehicle registration|car reg|kennzeichen|kfz-kennzeichen|amtliches "          \
	"kennzeichen|autokennzeichen|nummernschild|kfz|immatriculation|"                           \
	"plaque|plaque d'immatriculation|immatriculé|immatriculée|numéro "                      \
	"d'immatriculation|matrícula|placa|placas|patente|"                                       \
	"chapa|targa|targato|targata|kenteken|nummerplaat|numer rejestracyjny|nr "                 \
	"rejestracyjny|tablica|rejestracja|"                                                       \
	"registreringsnummer|regnr|nummerplade|nummerskilt|rekisteritunnus|rekisterinumero|spz|"   \
	"plaka|госномер|номерной знак"

static const struct kind rows[] = {
	{.id = "vin-checked",
	 .standard = "ISO 3779; 49 CFR 565.15",
	 .class = CLASS_VIN,
	 .trust = KIND_SURE,
	 .forms = "x{17}",
	 .match = match_vin,
	 .check = is_sure_vin},
	{.id = "vin",
	 .standard = "ISO 3779",
	 .class = CLASS_VIN,
	 .trust = KIND_LABELLED,
	 .forms = "x{17}|x{3}-x{6}-x{8}|x{3}-x{5}-x-x-x-x{6}",
	 .check = is_vin,
	 .labels = "vin|vins|vin no|vin number|vin code|vehicle identification number|vehicle "
		   "id|vehicle|car|chassis|chassis no|"
		   "chassis number|frame number|fahrgestellnummer|fahrgestell-nr|fahrgestellnr|fin|"
		   "fahrzeug-identifizierungsnummer|fahrzeugidentifikationsnummer|fahrzeug-"
		   "identnummer|fahrzeug|"
		   "numéro de châssis|châssis|numéro d'identification|véhicule|bastidor|número de "
		   "bastidor|nº de bastidor|"
		   "telaio|numero di telaio|numero telaio|chassisnummer|voertuig|numer vin|nr "
		   "vin|nadwozia|numer nadwozia|chassi|"
		   "número do chassi|understelsnummer|stelnummer|alustanumero|podvozek"},
	{.id = "plate",
	 .standard = "national registers: letters and digits, nine at most",
	 .class = CLASS_PLATE,
	 .trust = KIND_LABELLED,
	 .forms = "x{0,12}d",
	 .match = match_plate,
	 .labels = PLATE_LABELS},
};
const struct kind_table kinds_vehicle = {rows, BL_COUNT(rows)};
