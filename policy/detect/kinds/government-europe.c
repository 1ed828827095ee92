/* Official numbers of Europe, but for those of health (health.c) */
#include "policy/detect/kind.h"
#include "policy/detect/kinds/check.h"

/* "12345678Z", capitals only, "-" in front of the letter and dots allowed: a DNI or NIE that is told by itself. */
static size_t match_es(const struct text *text, size_t at)
{
	size_t end = at, digits = 0;

	if (!text_starts_word(text, at) || (at >= 2 && text->bytes[at - 1] == '-'))
		return at;
	if (text->bytes[at] >= 'X' && text->bytes[at] <= 'Z') {
		digits = 1;
		end++;
		if (end < text->length && text->bytes[end] == '-')
			end++;
	}
	while (end < text->length && digits < 9) {
		uint8_t byte = text->bytes[end];

		if (text_is_digit(byte))
			digits++;
		else if (byte != '.' || (digits != 2 && digits != 5))
			break;
		end++;
	}
	if (end < text->length && text->bytes[end] == '-')
		end++;
	if (digits != 8 || end >= text->length || text->bytes[end] < 'A' || text->bytes[end] > 'Z')
		return at;
	end++;
	return text_ends_word(text, end) && !(end < text->length && text->bytes[end] == '-') ? end
											     : at;
}

#define EUROPEAN_TAX                                                                               \
	"tax id|tax number|tax identification number|tax identification|tin|taxpayer id|vat|"      \
	"vat number|vat no|vat id|vat reg|vat reg no|vat registration number"

#define PASSPORT_WORDS                                                                             \
	"passport|passport number|passport no|passport nr|passport id|passports|"                  \
	"passport num|travel document"

#define ID_WORDS                                                                                   \
	"national id|national id number|national identity|national identity number|"               \
	"national identification number|identity number|identity no|id number|id no|"              \
	"personal id|personal id number|personal identification number|personal number|"           \
	"personal identity number|personal code|identity card|identity card number|id card|"       \
	"id card number|citizen id|citizen number|social security number|ssn"

static const struct kind rows[] = {
	/* ---- Great Britain, Ireland */
	{"gb-nino", "HMRC NIM39110", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "a{2}_d{2}_d{2}_d{2}_a|a{2} d{6} a|a{2}_d{6}|a{2}d{6}_a|a{2} d{2} d{2} d{2}", NULL,
	 check_gb_nino,
	 "nino|ni|nin|ni number|ni no|ni num|ni nr|n i number|n i no|nino number|national "
	 "insurance|"
	 "national insurance number|national insurance no|nat ins|nat ins no|"
	 "national ins|nat insurance|insurance number|insurance no|" ID_WORDS,
	 "ni number|national insurance number|nino"},
	{"gb-nino-spaced", "HMRC NIM39110", CLASS_NATIONAL_ID, KIND_SURE, "a{2} d{2} d{2} d{2} a",
	 NULL, check_gb_nino, NULL, NULL},
	{"gb-utr", "HMRC, Unique Taxpayer Reference", CLASS_TAX_ID, KIND_LABELLED,
	 "d{10}_K|d{10}|d{5} d{5}|d{3} d{3} d{4}|d{4} d{3} d{3}|d{2} d{4} d{4}|d{13}", NULL, NULL,
	 "utr|utr number|utr no|unique taxpayer reference|unique taxpayer reference number|"
	 "unique taxpayer ref|tax reference|tax reference number|tax ref|self assessment|sa utr|"
	 "self assessment utr|taxpayer reference",
	 "utr"},
	{"gb-vat", "HMRC VAT Notice 700", CLASS_TAX_ID, KIND_LABELLED,
	 "GB_d{3}_d{4}_d{2}|GBd{9}|d{3} d{4} d{2}|GBd{12}|d{9}", NULL, NULL,
	 "vat|vat number|vat no|vat id|vat reg|vat reg no|vat registration|vat registration number",
	 NULL},
	{"gb-passport", "ICAO 9303; HM Passport Office", CLASS_PASSPORT, KIND_LABELLED,
	 "d{9}|d{3} d{3} d{3}|d{4} d{5}", NULL, NULL,
	 PASSPORT_WORDS "|uk passport|british passport", "passport"},
	{"gb-licence", "DVLA, INF45", CLASS_DRIVING_LICENCE, KIND_LABELLED,
	 "x{5}_d{6}_x{3}a{2}|x{5}_d{6}_x{3}a{2}_d{2}|x{5}d{6}x{3}a{2} d{2}|x{5} d{6} x{2} d a{2}",
	 NULL, check_gb_licence,
	 "driving licence|driving license|driver licence|driver's licence|drivers licence|"
	 "driver's license|drivers license|driver number|driver no|dvla|licence|licence number|"
	 "licence no|license|license number|license no|dl|dl no|dl number|dln|driving licence "
	 "number",
	 "dvla|driving licence"},
	{"ie-ppsn", "Department of Social Protection, PPS number", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{7}_a{1,2}", NULL, check_ie_ppsn,
	 "pps|ppsn|pps no|pps number|pps num|personal public service number|"
	 "personal public service|rsi|rsi number|uimhir psp|" EUROPEAN_TAX "|" ID_WORDS,
	 "pps|ppsn"},
	{"ie-passport", "Department of Foreign Affairs", CLASS_PASSPORT, KIND_LABELLED,
	 "a{1,2}_d{7}", NULL, NULL, PASSPORT_WORDS "|irish passport", NULL},
	/* ---- Germany, Austria, Switzerland */
	{"de-tax-id", "AO 139b; BZSt, Steuerliche Identifikationsnummer", CLASS_TAX_ID,
	 KIND_LABELLED, "d{2}_d{3}_d{3}_d{3}|d{11}|d{2} d{9}", NULL, check_de_tax,
	 "steuer id|steuerid|steuer-id|steuer idnr|steuer id nr|steuer "
	 "identifikationsnummer|idnr|id nr|"
	 "steueridentifikationsnummer|steuerliche identifikationsnummer|steuerliche id|"
	 "identifikationsnummer|tin|steuernummer|steuer nr|steuer nummer|ident nr|german tax "
	 "id|" EUROPEAN_TAX,
	 "steuer id"},
	{"de-tax-number", "AO 139a; ELSTER, Steuernummernstruktur", CLASS_TAX_ID, KIND_LABELLED,
	 "d{2,3}/d{3,4}/d{4,5}|d{3}/d{4}/d{4}|d{2,3} d{3} d{4,5}|d{3} d{4} d{4}|d{10,13}|d d{2,3} "
	 "d{3} d{4,5}",
	 NULL, NULL,
	 "steuernummer|steuer nr|st nr|stnr|steuer nummer|steuernr|ust nr|tax number|"
	 "umsatzsteuernummer",
	 NULL},
	{"de-vat", "UStG 27a", CLASS_TAX_ID, KIND_LABELLED, "DE_d{9}|DE d{3} d{3} d{3}", NULL,
	 check_de_vat,
	 "ust idnr|ust id|ust id nr|ustid|ust-idnr|ustidnr|umsatzsteuer id|umsatzsteuer "
	 "identifikationsnummer|"
	 "umsatzsteueridentifikationsnummer|vat|vat id|vat number|vat no|mwst nr",
	 NULL},
	{"de-pension", "SGB VI 147; VKVV 2 and 4", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{2}_d{6}_a_d{3}|d{8}_a_d{3}|d{2} d{2} d{2} d{2} a d{2} d|d{2} d{6} a d{2} d", NULL,
	 check_de_pension,
	 "rentenversicherungsnummer|rentenversicherung|sozialversicherungsnummer|sv nummer|sv "
	 "nr|svnr|"
	 "rv nummer|rv nr|rvnr|versicherungsnummer|sozialversicherung|sozialversicherungs nr|"
	 "versicherungsnr|versicherungs nr|sozialversicherungsausweis|rentenversicherungsnr|vsnr|"
	 "pension insurance number|social insurance number|insurance number|rentennummer|" ID_WORDS,
	 NULL},
	{"de-identity-card", "BSI TR-03119; ICAO 9303-5", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "x{9}|x{9}_d|x{9}_d_D|x{9}d<<", NULL, check_de_document,
	 "personalausweis|personalausweisnummer|personalausweis nr|ausweisnummer|ausweis "
	 "nr|ausweis|"
	 "perso|perso nr|persönliche ausweisnummer|ausweis nummer|ausweisnr|dokumentennummer|"
	 "identity card|identity card number|id card|id card number|id number|german "
	 "id|seriennummer des ausweises",
	 NULL},
	{"de-passport", "PassG; ICAO 9303-4", CLASS_PASSPORT, KIND_LABELLED, "x{9}|x{9}_d|d{10}",
	 NULL, check_de_document,
	 "reisepass|reisepassnummer|reisepass nr|passnummer|pass nr|pass nummer|passnr|pass|"
	 "reisepassnr|kinderreisepass|" PASSPORT_WORDS,
	 "reisepass"},
	{"de-licence", "FeV, Anlage 8", CLASS_DRIVING_LICENCE, KIND_LABELLED,
	 "x{4}x{5}d x|x{3}d{2}x{5}x|x{11}", NULL, NULL,
	 "führerscheinnummer|führerschein nr|führerscheinnr|führerschein "
	 "nummer|fahrerlaubnisnummer|"
	 "fahrerlaubnis nr|fs nr",
	 NULL},
	{"at-svnr", "ASVG 31; Dachverband der Sozialversicherungsträger", CLASS_NATIONAL_ID,
	 KIND_LABELLED, "d{4}_d{6}|d{4}_d{2}_d{2}_d{2}|d{4} d{2}.d{2}.d{2}|d{4}/d{2}d{2}d{2}", NULL,
	 check_at_svnr,
	 "svnr|sv nr|sv nummer|sozialversicherungsnummer|sozialversicherung|sozialversicherungs nr|"
	 "versicherungsnummer|e card|ecard|vsnr|social insurance number|insurance number|"
	 "austrian ssn|" ID_WORDS,
	 "svnr"},
	{"at-tax", "BAO; BMF (Abgabenkontonummer)", CLASS_TAX_ID, KIND_LABELLED,
	 "d{2}_d{3}/d{4}|d{2}\\-d{3}/d{4}|d{9}|ATU_d{8}|ATU d{8}", NULL, NULL,
	 "steuernummer|steuer nr|st nr|stnr|abgabenkontonummer|uid|uid nummer|uid nr|ust "
	 "id|" EUROPEAN_TAX,
	 NULL},
	{"ch-ahv", "AHVG 50c; ZAS, EAN-13 with 756", CLASS_NATIONAL_ID, KIND_SURE,
	 "d{3}_d{4}_d{4}_d{2}", NULL, check_ch_ahv, NULL, NULL},
	{"ch-ahv-old", "AHVV, before 2008", CLASS_NATIONAL_ID, KIND_LABELLED, "d{3}.d{2}.d{3}.d{3}",
	 NULL, NULL, "ahv|ahv nr|ahv nummer|avs|n avs|no avs|numéro avs|numero avs", NULL},
	{"ch-uid", "UIDV; Bundesamt für Statistik", CLASS_TAX_ID, KIND_LABELLED,
	 "CHE_d{3}.d{3}.d{3}|CHE\\-d{3}.d{3}.d{3}|CHEd{9}|CHE d{3} d{3} d{3}", NULL, NULL,
	 "uid|uid nr|uid nummer|mwst|mwst nr|mwst nummer|ide|tva|n tva|iva|vat|vat number|vat no",
	 NULL},
	{"ch-passport", "Ausweisgesetz", CLASS_PASSPORT, KIND_LABELLED, "a_d{7}|ad{7}|a{2}d{7}",
	 NULL, NULL,
	 "reisepass|reisepassnummer|pass|passnummer|pass "
	 "nr|passeport|passaporto|identitätskarte|" PASSPORT_WORDS,
	 NULL},
	/* ---- France, Spain, Italy, Portugal */
	{"fr-nir", "INSEE, NIR; décret 82-103", CLASS_NATIONAL_ID, KIND_SURE,
	 "d d{2} d{2} d{2} d{3} d{3} d{2}|d d{2} d{2} dA d{3} d{3} d{2}|d d{2} d{2} dB d{3} d{3} "
	 "d{2}|"
	 "d.d{2}.d{2}.d{2}.d{3}.d{3}.d{2}|d-d{2}-d{2}-d{2}-d{3}-d{3}-d{2}",
	 NULL, check_fr_nir, NULL, NULL},
	{"fr-nir-labelled", "INSEE, NIR; décret 82-103", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d_d{2}_d{2}_dx_d{3}_d{3}_d{2}|d{13}_d{2}|d{6}xd{6}_d{2}|d d{2} d{2} dx d{3} d{3}-d{2}|"
	 "d d{2} d{2} dx d{3} d{3}/d{2}|d d{2} d{2} dx d{3} d{3}\\-d{2}|d{6}xd{6}\\-d{2}",
	 NULL, check_fr_nir,
	 "nir|sécu|numéro de sécu|n° de sécu|no de sécu|no sécu|sécurité sociale|numéro de "
	 "sécurité sociale|"
	 "n° de sécurité sociale|no de sécurité sociale|no sécurité sociale|n sécurité sociale|"
	 "numéro sécurité sociale|numéro sécu|numéro insee|insee|carte vitale|vitale|nss|n° ss|no "
	 "ss|"
	 "num sécu|immatriculation|numéro d'immatriculation|matricule|numéro d'inscription au "
	 "répertoire|"
	 "social security|social security no|assuré|numéro d'assuré|" ID_WORDS,
	 "sécurité sociale"},
	{"fr-nir-short", "INSEE, NIR without its key", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d_d{2}_d{2}_dx_d{3}_d{3}", NULL, NULL,
	 "nir|numéro de sécurité sociale|n° de sécurité sociale|no de sécurité sociale|sécurité "
	 "sociale|"
	 "numéro de sécu|carte vitale|numéro insee",
	 NULL},
	{"fr-spi", "DGFiP, numéro fiscal de référence", CLASS_TAX_ID, KIND_LABELLED,
	 "d{13}|d{2} d{2} d{3} d{3} d{3}|d d{2} d{2} d{2} d{3} d{3}|d d{3} d{3} d{3} d{3}", NULL,
	 NULL,
	 "numéro fiscal|n° fiscal|no fiscal|spi|numéro spi|identifiant fiscal|référence fiscale|"
	 "numéro fiscal de référence|numéro d'impôt|nif|numéro de contribuable|numéro fiscal spi|"
	 "num fiscal|identification fiscale|numéro d'identification fiscale|" EUROPEAN_TAX,
	 NULL},
	{"fr-vat", "CGI 286 ter; INSEE (SIREN, SIRET)", CLASS_TAX_ID, KIND_LABELLED,
	 "FR_x{2}_d{9}|FR_x{2}_d{3}_d{3}_d{3}|FRx{2} d{3} d{3} d{3}|FR x{2} d{9}|d{9}|d{3} d{3} "
	 "d{3}|d{14}|d{3} d{3} d{3} d{5}",
	 NULL, NULL,
	 "tva|numéro de tva|n° tva|no tva|n tva|tva intracommunautaire|siren|siret|numéro siren|"
	 "numéro siret|vat|vat number|vat no",
	 NULL},
	{"fr-passport", "ANTS; ICAO 9303-4", CLASS_PASSPORT, KIND_LABELLED,
	 "d{2}_a{2}_d{5}|d{2}a{2}d{5}", NULL, NULL,
	 "passeport|numéro de passeport|n° de passeport|no de passeport|no passeport|n passeport|"
	 "numéro passeport|" PASSPORT_WORDS,
	 "passeport"},
	{"fr-licence", "Arrêté du 20 avril 2012, permis de conduire", CLASS_DRIVING_LICENCE,
	 KIND_LABELLED, "d{12}|d{2}_a{2}_d{5}|d{2} d{2} d{2} d{6}|d{2} d{2} d{2} d{3} d{3}|x{9}",
	 NULL, NULL,
	 "permis|permis de conduire|numéro de permis|n° de permis|no de permis|no permis|"
	 "numéro de permis de conduire|n permis|neph|numéro neph",
	 NULL},
	{"fr-cni", "Décret 55-1397, carte nationale d'identité", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{12}|x{9}|d{4} d{4} d{4}|d{2}x{2}d{8}", NULL, NULL,
	 "cni|cnie|carte d'identité|carte nationale d'identité|carte identité|numéro de carte "
	 "d'identité|"
	 "n° cni|no cni|numéro cni|pièce d'identité|numéro d'identité|numéro de cni|"
	 "numéro de carte nationale d'identité|titre de séjour|numéro de pièce d'identité",
	 NULL},
	{"es-dni", "Real Decreto 1553/2005; Ministerio del Interior", CLASS_NATIONAL_ID, KIND_SURE,
	 "d{8}a|ad{7}a|d{8}-|ad{7}-|a-|d{2}.", match_es, check_es_dni, NULL, NULL},
	{"es-dni-labelled", "Real Decreto 1553/2005; Orden INT/2058/2008 (NIE)", CLASS_NATIONAL_ID,
	 KIND_LABELLED,
	 "d{8}_a|d{1,2}.d{3}.d{3}_a|d{1,2}.d{3}.d{3}\\-a|d{2}.d{3}.d{3} "
	 "a|a_d{7}_a|a\\-d{7}\\-a|d{2} d{3} d{3} a|a.d{7}.a",
	 NULL, check_es_dni,
	 "dni|nie|nif|d n i|n i e|n i f|documento nacional de identidad|documento de identidad|"
	 "documento nacional|número de identidad|número de identidad de extranjero|número de dni|"
	 "no dni|número de identificación|núm dni|nif/nie|dni/nie|dni/nif|carnet de identidad|"
	 "número de identificación fiscal|identificación fiscal|cédula|tie|permiso de residencia|"
	 "tarjeta de residencia|dni number|nie number|nif number|documento|" ID_WORDS,
	 "dni|nie|nif"},
	{"es-cif", "Orden EHA/451/2008", CLASS_TAX_ID, KIND_LABELLED,
	 "a_d{7}_x|a\\-d{8}|a_d{8}|ES_ad{7}x|ES_d{8}a", NULL, check_es_nif,
	 "cif|nif|c i f|n i f|código de identificación fiscal|identificación fiscal|iva|nif iva|"
	 "número de identificación fiscal|" EUROPEAN_TAX,
	 "cif|nif"},
	{"es-social", "TGSS, número de la Seguridad Social", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{2}_d{8}_d{2}|d{2}_d{10}|d{2}/d{7,8}/d{2}|d{2} d{4} d{4} d{2}|d{12}", NULL,
	 check_es_social,
	 "seguridad social|número de la seguridad social|número de seguridad social|nss|naf|nuss|"
	 "número de afiliación|núm seguridad social|no seguridad social|afiliación|"
	 "número seguridad social|s s|nº ss|n ss|num ss|número de afiliación a la seguridad "
	 "social|" ID_WORDS,
	 NULL},
	{"es-passport", "Real Decreto 896/2003", CLASS_PASSPORT, KIND_LABELLED,
	 "a{2,3}_d{6}|a{3}d{6}a", NULL, NULL,
	 "pasaporte|número de pasaporte|no de pasaporte|núm pasaporte|no pasaporte|n pasaporte|"
	 "número pasaporte|pasaporte número|" PASSPORT_WORDS,
	 NULL},
	{"es-licence", "DGT: the DNI or NIE", CLASS_DRIVING_LICENCE, KIND_LABELLED,
	 "d{8}_a|a_d{7}_a|d{8}", NULL, NULL,
	 "permiso de conducir|carnet de conducir|carné de conducir|licencia de conducir|"
	 "número de permiso|permiso de conducción|licencia de conducción|número de licencia",
	 NULL},
	{"it-codice-fiscale", "DM 23/12/1976", CLASS_NATIONAL_ID, KIND_SURE, "a{6}_xx_axx_axxxa",
	 NULL, check_it_cf, NULL, NULL},
	{"it-codice-fiscale-labelled", "DM 23/12/1976", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "a{6}_xx_axx_axxx_a|a{3}_a{3}_xx_axx_axxx_a|a{3} a{3} x{5} x{5}|a{6}x{10}|d{11}", NULL,
	 check_it_cf,
	 "codice fiscale|cod fiscale|cod fisc|c f|cf|codicefiscale|cod fis|fiscal code|tax code|"
	 "italian tax code|" EUROPEAN_TAX "|" ID_WORDS,
	 "codice fiscale"},
	{"it-iva", "DPR 633/1972, 35", CLASS_TAX_ID, KIND_LABELLED, "IT_d{11}|d{11}|d{5} d{6}",
	 NULL, check_it_iva,
	 "partita iva|p iva|piva|p.iva|part iva|p i|iva|partita i v a|" EUROPEAN_TAX,
	 "partita iva"},
	{"it-carta", "DM 23/12/2015, carta d'identità", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "a{2}_d{5}_a{2}|a{2}_d{7}|a{2} d{5} a{2}|d{7}a{2}", NULL, NULL,
	 "carta d'identità|carta di identità|carta identità|c i|ci|cie|documento|documento "
	 "d'identità|"
	 "numero carta d'identità|documento di identità|documento di riconoscimento|" ID_WORDS,
	 NULL},
	{"it-passport", "Ministero degli Affari Esteri", CLASS_PASSPORT, KIND_LABELLED,
	 "a{2}_d{7}|ad{6,7}", NULL, NULL,
	 "passaporto|numero di passaporto|numero passaporto|n passaporto|passaporto n|passaporto "
	 "numero|" PASSPORT_WORDS,
	 NULL},
	{"it-licence", "Motorizzazione civile, Codice della strada 116", CLASS_DRIVING_LICENCE,
	 KIND_LABELLED, "a{2}_d{7}_a|ad{1}x{7}a|U1x{7}a|a{2}d{7}", NULL, NULL,
	 "patente|patente di guida|numero patente|n patente|patente n|patente numero|numero di "
	 "patente|"
	 "driving licence|driver's license|driver's licence",
	 NULL},
	{"pt-nif", "Decreto-Lei 14/2013", CLASS_TAX_ID, KIND_LABELLED,
	 "PT_d{9}|d{9}|d{3}_d{3}_d{3}|PT d{3} d{3} d{3}", NULL, check_pt_nif,
	 "nif|nipc|número de contribuinte|contribuinte|número fiscal|número de identificação "
	 "fiscal|"
	 "n contribuinte|no contribuinte|identificação fiscal|" EUROPEAN_TAX,
	 "nif"},
	{"pt-niss", "Segurança Social, NISS", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{11}|d{3} d{3} d{3} d{2}|d{4} d{3} d{4}", NULL, NULL,
	 "niss|segurança social|número de segurança social|número de identificação da segurança "
	 "social|"
	 "n segurança social",
	 NULL},
	{"pt-cc", "Lei 7/2007, cartão de cidadão", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{8}_d_a{2}d|d{8}_d_x{3}|d{8}|d{8} d|d{7,8}\\-d|d{9}a{2}d", NULL, NULL,
	 "cartão de cidadão|cartão cidadão|cc|bilhete de identidade|bi|n cc|número de cartão de "
	 "cidadão|"
	 "número de identificação civil|nic|identificação civil|documento de identificação",
	 NULL},
	{"pt-passport", "Decreto-Lei 83/2000", CLASS_PASSPORT, KIND_LABELLED, "a{1,2}_d{6}", NULL,
	 NULL, "passaporte|número de passaporte|n passaporte|número do passaporte|" PASSPORT_WORDS,
	 NULL},
	{"pt-licence", "IMT, carta de condução", CLASS_DRIVING_LICENCE, KIND_LABELLED,
	 "a{1,2}\\-d{5,8}|a{1,2}\\-d{5,8} d|a{1,2} d{5,8}", NULL, NULL,
	 "carta de condução|número da carta de condução|n carta de condução", NULL},
	/* ---- the Low Countries */
	{"nl-bsn", "Wet algemene bepalingen burgerservicenummer; RvIG, elfproef", CLASS_NATIONAL_ID,
	 KIND_LABELLED, "d{8,9}|d{4}_d{2}_d{3}|d{3}_d{3}_d{3}|d{2}_d{3}_d{3}", NULL, check_nl_bsn,
	 "bsn|bsn nummer|bsn nr|burgerservicenummer|burger service nummer|sofinummer|sofi "
	 "nummer|sofi|"
	 "sofi nr|burgerservice nummer|citizen service number|persoonsnummer|dutch bsn|" ID_WORDS
	 "|" EUROPEAN_TAX,
	 "bsn"},
	{"nl-vat", "Belastingdienst, btw-id", CLASS_TAX_ID, KIND_LABELLED,
	 "NL_d{9}_B_d{2}|NLd{9}Bd{2}|d{9}Bd{2}|NL d{9} B d{2}|NLd{4}.d{2}.d{3}.Bd{2}|NL "
	 "d{4}.d{2}.d{3}.Bd{2}",
	 NULL, NULL,
	 "btw|btw id|btw nummer|btw nr|btw identificatienummer|omzetbelastingnummer|rsin|ob "
	 "nummer|" EUROPEAN_TAX,
	 NULL},
	{"nl-document", "Paspoortuitvoeringsregeling Nederland 2001", CLASS_PASSPORT, KIND_LABELLED,
	 "a{2}x{6}d", NULL, NULL,
	 "paspoort|paspoortnummer|paspoort nummer|paspoort nr|identiteitskaart|documentnummer|"
	 "id kaart|identiteitskaartnummer|" PASSPORT_WORDS,
	 NULL},
	{"nl-licence", "RDW, rijbewijs", CLASS_DRIVING_LICENCE, KIND_LABELLED,
	 "d{10}|d{3} d{3} d{4}", NULL, NULL,
	 "rijbewijs|rijbewijsnummer|rijbewijs nummer|rijbewijs nr|permis de conduire|driving "
	 "licence",
	 NULL},
	{"be-rn", "KB 3/4/1984, identificatienummer van het Rijksregister", CLASS_NATIONAL_ID,
	 KIND_SURE, "d{2}.d{2}.d{2}\\-d{3}.d{2}", NULL, check_be_rn, NULL, NULL},
	{"be-rn-labelled", "KB 3/4/1984", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{11}|d{2}_d{2}_d{2}_d{3}_d{2}|d{6}_d{3}_d{2}|d{2}.d{2}.d{2}\\-d{3}.d{2}|d{6}\\-d{3}.d{2}"
	 "|"
	 "d{2} d{2} d{2}\\-d{3} d{2}|d{2}.d{2}.d{2} "
	 "d{3}.d{2}|d{2}.d{2}.d{2}\\-d{3}\\-d{2}|d{2}/d{2}/d{2}\\-d{3}.d{2}|d{2}/d{2}/"
	 "d{2}\\-d{3}\\-d{2}|d{2}/d{2}/d{2} d{3} d{2}",
	 NULL, check_be_rn,
	 "rijksregisternummer|rijksregister|rrn|insz|niss|numéro national|registre national|"
	 "numéro de registre national|numéro du registre national|numéro registre national|"
	 "nationaal nummer|rijksregister nr|n° national|no national|nn|numéro "
	 "niss|inss|nationalregisternummer|nrn|"
	 "national register number|national number|belgian national number|" ID_WORDS
	 "|" EUROPEAN_TAX,
	 NULL},
	{"be-vat", "BTW-Wetboek 50; KBO", CLASS_TAX_ID, KIND_LABELLED,
	 "BE_d{10}|BE_d{4}_d{3}_d{3}|d{4}.d{3}.d{3}|d{10}|BE d{4}.d{3}.d{3}|BEd{4}.d{3}.d{3}|d{4} "
	 "d{3} d{3}|BE d{10}",
	 NULL, check_be_vat,
	 "btw|tva|btw nummer|btw nr|n tva|numéro de tva|numéro "
	 "d'entreprise|ondernemingsnummer|kbo|bce|" EUROPEAN_TAX,
	 NULL},
	{"be-card", "KB 25/3/2003, identiteitskaart", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{3}-d{7}-d{2}|d{12}|Bd{9}", NULL, NULL,
	 "identiteitskaart|identiteitskaartnummer|carte d'identité|eid|numéro de carte "
	 "d'identité|kaartnummer eid|"
	 "carte d'identité n|" ID_WORDS,
	 NULL},
	{"lu-matricule", "Loi du 19 juin 2013, numéro d'identification national", CLASS_NATIONAL_ID,
	 KIND_LABELLED,
	 "d{13}|d{4}_d{2}_d{2}_d{5}|d{8}_d{5}|d{8} d{3} d{2}|d{4} d{2} d{2} d{3} d{2}", NULL,
	 check_lu_matricule,
	 "matricule|numéro matricule|matricule national|numéro d'identification national|"
	 "sozialversicherungsnummer|numéro de sécurité sociale|cns|matricule nr|" ID_WORDS,
	 NULL},
	/* ---- between the Oder and the Black Sea */
	{"pl-pesel", "Ustawa o ewidencji ludności, 15", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{11}|d{6}_d{5}", NULL, check_pl_pesel,
	 "pesel|nr pesel|numer pesel|pesel nr|pesel number|numer ewidencyjny|polish id|" ID_WORDS
	 "|" EUROPEAN_TAX,
	 "pesel"},
	{"pl-nip", "Ustawa o zasadach ewidencji podatników, 5", CLASS_TAX_ID, KIND_LABELLED,
	 "PL_d{10}|d{10}|d{3}_d{3}_d{2}_d{2}|d{3}_d{2}_d{2}_d{3}|PLd{3}-d{3}-d{2}-d{2}", NULL,
	 check_pl_nip,
	 "nip|nr nip|numer nip|nip number|numer identyfikacji podatkowej|identyfikacji "
	 "podatkowej|" EUROPEAN_TAX,
	 "nip"},
	{"pl-regon", "Ustawa o statystyce publicznej, 42", CLASS_TAX_ID, KIND_LABELLED,
	 "d{9}|d{14}|d{3}-d{3}-d{3}", NULL, check_pl_regon, "regon|nr regon|numer regon", NULL},
	{"pl-dowod", "Ustawa o dowodach osobistych; ICAO 9303", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "a{3}_d{6}|a{3} d{3} d{3}|a{3}_d_d{5}", NULL, check_pl_dowod,
	 "dowód|dowód osobisty|dowodu|nr dowodu|numer dowodu|dowodu osobistego|numer dowodu "
	 "osobistego|"
	 "nr dowodu osobistego|seria i numer|legitymuje się|" ID_WORDS,
	 NULL},
	{"pl-passport", "Ustawa o dokumentach paszportowych", CLASS_PASSPORT, KIND_LABELLED,
	 "a{2}_d{7}", NULL, NULL,
	 "paszport|paszportu|nr paszportu|numer paszportu|seria i numer paszportu|" PASSPORT_WORDS,
	 NULL},
	{"pl-licence", "Ustawa o kierujących pojazdami", CLASS_DRIVING_LICENCE, KIND_LABELLED,
	 "d{5}/d{2}/d{4}|d{5}/d{4}/d{2}", NULL, NULL,
	 "prawo jazdy|prawa jazdy|numer prawa jazdy|nr prawa jazdy|driving licence|driver's "
	 "license",
	 NULL},
	{"cz-rc", "Zákon 133/2000 Sb.; SK Zákon 301/1995 Z. z.", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{6}/d{3,4}|d{6}_d{3,4}|d{9,10}", NULL, check_cz_rc,
	 "rodné číslo|rodne cislo|rodného čísla|rč|r č|rc|r c|rodným číslem|birth number|" ID_WORDS,
	 "rodné číslo"},
	{"cz-op", "Zákon 269/2021 Sb.", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{9}|a{2}_d{6}|d{6}_a{2}\\-d{2}", NULL, NULL,
	 "občanský průkaz|číslo občanského průkazu|občanského průkazu|č op|op|číslo op|občiansky "
	 "preukaz|"
	 "číslo občianskeho preukazu|průkaz|" ID_WORDS,
	 NULL},
	{"cz-dic", "Zákon 280/2009 Sb.; SK zákon 563/2009", CLASS_TAX_ID, KIND_LABELLED,
	 "CZ_d{8,10}|SK_d{10}|d{8,10}", NULL, NULL,
	 "dič|dic|ič dph|daňové identifikační číslo|" EUROPEAN_TAX, NULL},
	{"hu-tax", "1996. évi XX. törvény (adóazonosító jel)", CLASS_TAX_ID, KIND_LABELLED,
	 "d{10}|d{8}\\-d\\-d{2}|HU_d{8}|d{3} d{3} d{4}", NULL, NULL,
	 "adóazonosító|adóazonosító jel|adószám|adóazonosító jele|adó azonosító|" EUROPEAN_TAX,
	 NULL},
	{"hu-id", "1996. évi XX. törvény (személyi azonosító); 2015. évi CXXX.", CLASS_NATIONAL_ID,
	 KIND_LABELLED,
	 "d_d{6}_d{4}|d\\-d{6}\\-d{4}|d{6}a{2}|a{2}d{6}|d{6} a{2}|a{2} d{6}|d\\-d{6} d{4}", NULL,
	 NULL,
	 "személyi szám|személyi azonosító|személyi igazolvány|személyi igazolvány "
	 "száma|személyazonosító|"
	 "személyi igazolványszám|szem ig szám|szig szám|személyazonosító igazolvány|" ID_WORDS,
	 NULL},
	{"ro-cnp", "OUG 97/2005; Legea 105/1996", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{13}|d_d{6}_d{6}|d d{2} d{2} d{2} d{2} d{3} d", NULL, check_ro_cnp,
	 "cnp|c n p|cod numeric personal|codul numeric personal|cod numeric|" ID_WORDS, "cnp"},
	{"ro-ci", "OUG 97/2005, cartea de identitate; Codul fiscal (CUI)", CLASS_NATIONAL_ID,
	 KIND_LABELLED, "a{2}_d{6}|a{2} nr d{6}|a{2} nr. d{6}|RO_d{6,10}", NULL, NULL,
	 "carte de identitate|buletin|ci|c i|seria|cartea de identitate|act de "
	 "identitate|cui|cif|buletinul",
	 NULL},
	{"bg-egn", "Закон за гражданската регистрация, 11", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{10}|d{6} d{4}", NULL, check_bg_egn,
	 "егн|egn|единен граждански номер|лнч|unified civil number|" ID_WORDS, NULL},
	{"bg-card", "Закон за българските лични документи", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{9}|a{2}d{7}", NULL, NULL, "лична карта|лична карта №|номер на лична карта|л к", NULL},
	{"gr-afm", "ΑΑΔΕ, ΑΦΜ; ν. 4174/2013", CLASS_TAX_ID, KIND_LABELLED,
	 "d{9}|EL_d{9}|GR_d{9}|d{3} d{3} d{3}", NULL, check_gr_afm,
	 "αφμ|α φ μ|afm|αριθμός φορολογικού μητρώου|φορολογικό μητρώο|α.φ.μ.|" EUROPEAN_TAX, NULL},
	{"gr-id", "ν. 1599/1986, Αριθμός Δελτίου Ταυτότητας", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "a{1,2}_d{6}", NULL, NULL,
	 "αδτ|adt|ταυτότητα|δελτίο ταυτότητας|αριθμός ταυτότητας|αριθμός δελτίου ταυτότητας", NULL},
	{"hr-oib", "Zakon o osobnom identifikacijskom broju; ISO 7064", CLASS_TAX_ID, KIND_LABELLED,
	 "d{11}|HR_d{11}|d{3} d{3} d{3} d{2}", NULL, check_hr_oib,
	 "oib|osobni identifikacijski broj|identifikacijski broj|" ID_WORDS "|" EUROPEAN_TAX,
	 "oib"},
	{"yu-jmbg", "Zakon o matičnom broju građana; SI Zakon o centralnem registru prebivalstva",
	 CLASS_NATIONAL_ID, KIND_LABELLED, "d{13}|d{7} d{6}|d{7} d{2} d{3} d|d{7}\\-d{6}", NULL,
	 check_jmbg,
	 "jmbg|jmb|emšo|emso|enotna matična številka|matični broj|jedinstveni matični broj|"
	 "jedinstveni matični broj građana|јмбг|матични број|ембг|matična številka|" ID_WORDS,
	 NULL},
	{"si-tax", "Zakon o davčni službi; SR, BA, MK tax numbers", CLASS_TAX_ID, KIND_LABELLED,
	 "d{8}|SI_d{8}|d{9}|d{13}", NULL, NULL,
	 "davčna številka|davčna št|davčna|pib|пиб|poreski broj|id za ddv|едб|" EUROPEAN_TAX, NULL},
	/* ---- the Baltic and the North */
	{"ee-isikukood", "EVS 585:2007", CLASS_NATIONAL_ID, KIND_LABELLED, "d{11}|d_d{6}_d{4}",
	 NULL, check_ee_code,
	 "isikukood|ik|isikukoodi|isikukoodiga|asmens kodas|asmens kodą|asmens k|a k|personal "
	 "code|kodas|" ID_WORDS,
	 NULL},
	{"lv-pk", "Fizisko personu reģistra likums", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{6}_d{5}|d{6}\\-d{5}|d{11}", NULL, check_lv_code,
	 "personas kods|personas kodu|p k|pk|personas kods nr|" ID_WORDS, NULL},
	{"se-personnummer", "Skatteverket SKV 704 and 707", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{6}\\-d{4}|d{8}\\-d{4}|d{6}+d{4}|d{8}+d{4}|d{10}|d{12}|d{6} d{4}|d{8} "
	 "d{4}|d{6}-d{4}|d{8}-d{4}",
	 NULL, check_se_pnr,
	 "personnummer|person nummer|pnr|personnr|person nr|pers "
	 "nr|samordningsnummer|födelsenummer|"
	 "swedish personal number|svenskt personnummer|" ID_WORDS "|" EUROPEAN_TAX,
	 "personnummer"},
	{"fi-hetu", "Laki väestötietojärjestelmästä 661/2009; asetus 128/2010, 690/2022",
	 CLASS_NATIONAL_ID, KIND_LABELLED, "d{6}\\-d{3}x|d{6}+d{3}x|d{6}ad{3}x|d{6}-d{3}x", NULL,
	 check_fi_hetu,
	 "hetu|henkilötunnus|henkilötunnuksesi|sotu|henkilötunnukseni|henkilötunnuksella|"
	 "personbeteckning|"
	 "sosiaaliturvatunnus|hetun|syntymäaika ja tunnus|finnish personal identity code|personal "
	 "identity code|" ID_WORDS "|" EUROPEAN_TAX,
	 "hetu"},
	{"dk-cpr", "CPR-loven; CPR-kontoret, Personnummeret i CPR", CLASS_NATIONAL_ID,
	 KIND_LABELLED,
	 "d{6}\\-d{4}|d{10}|d{6} d{4}|d{6}-d{4}|d{2} d{2} d{2} d{4}|d{2}.d{2}.d{2}\\-d{4}", NULL,
	 check_dk_cpr,
	 "cpr|cpr nr|cpr nummer|cpr number|cprnr|cpr-nr|cpr no|personnummer|person "
	 "nr|civilregistration|danish cpr|"
	 "cprnummer|fødselsnummer|central person register|" ID_WORDS,
	 "cpr"},
	{"dk-cvr", "CVR-loven; SE-nummer", CLASS_TAX_ID, KIND_LABELLED,
	 "DK_d{8}|d{8}|d{2} d{2} d{2} d{2}", NULL, NULL,
	 "cvr|cvr nr|cvr nummer|se nr|se nummer|moms nr|" EUROPEAN_TAX, NULL},
	{"no-fnr", "Folkeregisterforskriften 2-2", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{11}|d{6}_d{5}|d{6}_d{3}_d{2}", NULL, check_no_fnr,
	 "fødselsnummer|fødselsnr|fnr|personnummer|f nr|d nummer|dnr|fødselsnummeret|person "
	 "nr|pnr|d nr|"
	 "norwegian national id|birth number|" ID_WORDS "|" EUROPEAN_TAX,
	 "fødselsnummer"},
	{"is-kennitala", "Lög um skráningu einstaklinga 140/2019", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{6}_d{4}|d{10}", NULL, check_is_kt,
	 "kennitala|kt|kennitölu|kennitalan|kennitölur|" ID_WORDS, "kennitala"},
	{"eu-vat", "Directive 2006/112/EC, article 215", CLASS_TAX_ID, KIND_LABELLED,
	 "a{2}_d{8,12}|a{2}d{8,12}|SEd{12}|FId{8}|NOd{9}MVA|EEd{9}|LVd{11}|LTd{9}|CYd{8}a|MTd{8}|"
	 "IEd{7}a{1,2}|IEdxd{5}a",
	 NULL, NULL,
	 "momsregistreringsnummer|moms|mva|alv|alv numero|organisasjonsnummer|y "
	 "tunnus|organisationsnummer|pvm|ndc|mt vat|" EUROPEAN_TAX,
	 NULL},
	{"nordic-passport", "ICAO 9303-4", CLASS_PASSPORT, KIND_LABELLED,
	 "a{1,3}_d{6,8}|d{8,9}|a{2}d{6}a", NULL, NULL,
	 "passi|passnummer|passinumero|pasnummer|passin "
	 "numero|vegabréf|útlevél|útlevélszám|cestovní pas|"
	 "číslo pasu|pašaport|pașaport|паспорт|διαβατήριο|αριθμός διαβατηρίου|putovnica|potni "
	 "list|pasaport|paszport|passinumber|cestovný pas",
	 NULL},
	/* ---- Russia, Ukraine, Belarus */
	{"ru-inn", "Приказ ФНС ЕД-7-14/559@", CLASS_TAX_ID, KIND_LABELLED, "d{10}|d{12}", NULL,
	 check_ru_inn,
	 "инн|inn|идентификационный номер налогоплательщика|номер "
	 "налогоплательщика|инн/кпп|" EUROPEAN_TAX,
	 "инн"},
	{"ru-snils", "Постановление Правления ПФР 192п; Федеральный закон 27-ФЗ", CLASS_NATIONAL_ID,
	 KIND_LABELLED,
	 "d{3}\\-d{3}\\-d{3} d{2}|d{11}|d{3}_d{3}_d{3}_d{2}|d{3}\\-d{3}\\-d{3}\\-d{2}", NULL,
	 check_ru_snils,
	 "снилс|snils|страховой номер|страховое свидетельство|страховой номер индивидуального "
	 "лицевого счета|" ID_WORDS,
	 "снилс"},
	{"ru-passport", "Постановление Правительства РФ 828", CLASS_PASSPORT, KIND_LABELLED,
	 "d{2} d{2} d{6}|d{4} d{6}|d{10}|d{2}_d{7}|d{4}\\-d{6}|d{9}|d{2} d{2} № d{6}|d{4} № d{6}",
	 NULL, NULL,
	 "паспорт|паспорта|серия и номер|паспорт серия|серия|паспортные "
	 "данные|загранпаспорт|паспорт рф|серия и номер паспорта|"
	 "номер паспорта|passport|passport number|passport no|внутренний паспорт",
	 NULL},
	{"ru-licence", "Приказ МВД 180, водительское удостоверение", CLASS_DRIVING_LICENCE,
	 KIND_LABELLED, "d{2} d{2} d{6}|d{4} d{6}|d{10}", NULL, NULL,
	 "водительское удостоверение|права|водительские права|номер водительского удостоверения|ву",
	 NULL},
	{"ua-rnokpp", "Податковий кодекс України, 70", CLASS_TAX_ID, KIND_LABELLED, "d{10}", NULL,
	 check_ua_tax,
	 "рнокпп|іпн|ипн|rnokpp|ідентифікаційний код|ідентифікаційний номер|індивідуальний "
	 "податковий номер|"
	 "податковий номер|код платника|" EUROPEAN_TAX,
	 NULL},
	{"ua-passport", "Закон України 5492-VI", CLASS_PASSPORT, KIND_LABELLED,
	 "d{9}|a{2}_d{6}|d{8}\\-d{5}", NULL, NULL,
	 "паспорт|номер паспорта|унзр|серія та номер|серія|паспорт громадянина|" PASSPORT_WORDS,
	 NULL},
};

const struct kind_table kinds_government_europe = {rows, BL_COUNT(rows)};
