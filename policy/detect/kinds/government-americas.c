/* Official numbers of the Americas, but for those of health (health.c) */
#include "policy/detect/kind.h"
#include "policy/detect/kinds/check.h"

#define SSN_LABELS                                                                                 \
	"ssn|ssns|ss#|ss no|ss number|ss num|ss nr|social|social security|social security number|" \
	"social security numbers|social security no|social security num|social security nr|"       \
	"social sec|soc sec|soc sec no|soc sec number|socsec|social insurance|us ssn|"             \
	"taxpayer id|taxpayer identification|taxpayer identification number|tin|"                  \
	"sozialversicherungsnummer|numéro de sécurité sociale|número de seguro social|"        \
	"número de seguridad social|número del seguro social|seguro social|numero social"

#define TIN_LABELS                                                                                 \
	"itin|itins|itin number|individual taxpayer identification number|taxpayer id|"            \
	"individual taxpayer|taxpayer identification|taxpayer identification number|tin|tax id|"   \
	"tax id number|tax identification number|tax number|taxpayer number"

static const struct kind rows[] = {
	/* ---- United States */
	{"us-ssn", "SSA POMS RM 10201.035, SSN randomization", CLASS_NATIONAL_ID, KIND_SURE,
	 "d{3}\\-d{2}\\-d{4}", NULL, check_us_ssn, NULL, NULL},
	{"us-ssn-labelled", "SSA POMS RM 10201.035", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{3}_d{2}_d{4}", NULL, check_us_ssn, SSN_LABELS,
	 "ssn|social security number|social security"},
	/* The last four are what people are asked for. */
	{"us-ssn-last-four", "SSA POMS RM 10201.035", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{4}|xxx\\-xx\\-d{4}|***\\-**\\-d{4}", NULL, NULL,
	 "last four of ssn|last 4 of ssn|last four of my ssn|last 4 of my ssn|ssn last four|ssn "
	 "last 4|"
	 "ssn ending in|last four of your ssn|last 4 ssn|last four digits of my ssn|"
	 "last four digits of social|last 4 digits of ssn|last four digits of ssn|ssn4",
	 NULL},
	{"us-itin", "IRS Publication 1915; IRM 3.21.263", CLASS_TAX_ID, KIND_SURE,
	 "d{3}\\-d{2}\\-d{4}", NULL, check_us_itin, NULL, NULL},
	{"us-itin-labelled", "IRS Publication 1915; IRM 3.21.263", CLASS_TAX_ID, KIND_LABELLED,
	 "d{3}_d{2}_d{4}", NULL, check_us_itin, TIN_LABELS "|ssn|social security number", "itin"},
	{"us-atin", "IRS Form W-7A", CLASS_TAX_ID, KIND_LABELLED, "d{3}_d{2}_d{4}", NULL,
	 check_us_atin,
	 TIN_LABELS "|atin|adoption taxpayer identification number|adoption taxpayer", "atin"},
	{"us-ptin", "IRS Form W-12", CLASS_TAX_ID, KIND_LABELLED, "P_d{8}", NULL, NULL,
	 "ptin|preparer tax identification number|preparer", NULL},
	{"us-ein", "IRS Publication 1635", CLASS_TAX_ID, KIND_LABELLED,
	 "d{2}\\-d{7}|d{9}|d{2} d{7}", NULL, check_us_ein,
	 "ein|eins|fein|feid|fei number|employer id|employer identification|"
	 "employer identification number|employer id number|federal tax id|federal id|"
	 "federal tax id number|federal tax identification number|tax id|tax id number|tax id no|"
	 "taxpayer id|tax identification number|business tax id|company tax id|irs number|irs "
	 "no|tin",
	 "ein"},
	{"us-passport", "22 CFR 51; Department of State, Next Generation Passport", CLASS_PASSPORT,
	 KIND_LABELLED, "d{9}|a{1}_d{8}", NULL, NULL,
	 "passport|passports|passport number|passport no|passport num|passport #|passport id|us "
	 "passport|"
	 "passport card|passport book|pasaporte|passeport|reisepass",
	 "passport|us passport"},
	/* ---- Canada */
	{"ca-sin", "Employment and Social Development Canada, SIN Code of Practice",
	 CLASS_NATIONAL_ID, KIND_LABELLED, "d{3}_d{3}_d{3}", NULL, check_ca_sin,
	 "sin|sins|sin number|sin no|s i n|social insurance|social insurance number|"
	 "social insurance no|social insurance nr|nas|numéro d'assurance sociale|assurance sociale|"
	 "n a s|canadian sin|ssn|social security number|tax id",
	 "sin|nas"},
	{"ca-bn", "Canada Revenue Agency, RC2", CLASS_TAX_ID, KIND_LABELLED,
	 "d{9}_a{2}_d{4}|d{9}|d{5} d{4}", NULL, NULL,
	 "bn|business number|cra business number|gst number|gst hst|hst number|gst hst number|"
	 "numéro d'entreprise|gst registration|tps",
	 NULL},
	{"ca-passport", "Immigration, Refugees and Citizenship Canada", CLASS_PASSPORT,
	 KIND_LABELLED, "a{2}_d{6}|a{1}d{6}a{2}", NULL, NULL,
	 "passport|passport number|passport no|passeport|numéro de passeport|no de passeport|"
	 "canadian passport",
	 "passport|passeport"},
	{"ca-licence-on", "Ontario Ministry of Transportation", CLASS_DRIVING_LICENCE,
	 KIND_LABELLED, "a_d{4}_d{5}_d{5}", NULL, NULL,
	 "driver's licence|drivers licence|driver licence|driver's license|drivers license|"
	 "driving licence|dl|dl no|dl number|licence|licence number|licence no|permis de conduire",
	 NULL},
	{"ca-licence-qc", "Société de l'assurance automobile du Québec", CLASS_DRIVING_LICENCE,
	 KIND_LABELLED, "a_d{4}_d{6}_d{2}|ad{4}-d{6}-d{2}", NULL, NULL,
	 "permis de conduire|numéro de permis|no de permis|permis|driver's licence|drivers licence|"
	 "licence number|dossier",
	 NULL},
	/* ---- Mexico */
	{"mx-curp", "RENAPO, Instructivo normativo para la asignación de la CURP",
	 CLASS_NATIONAL_ID, KIND_SURE, "a{4}d{6}a{6}xd", NULL, check_mx_curp, NULL, NULL},
	{"mx-curp-spaced", "RENAPO, Instructivo normativo para la asignación de la CURP",
	 CLASS_NATIONAL_ID, KIND_LABELLED, "a{4}_d{6}_a{6}_xd", NULL, check_mx_curp,
	 "curp|clave única|clave única de registro|clave única de registro de población", NULL},
	{"mx-rfc", "Código Fiscal de la Federación 27; SAT", CLASS_TAX_ID, KIND_LABELLED,
	 "a{3,4}_d{6}_x{3}", NULL, check_mx_rfc,
	 "rfc|r f c|registro federal|registro federal de contribuyentes|tax id|tax number|"
	 "clave fiscal|id fiscal|cédula fiscal",
	 "rfc"},
	{"mx-nss", "IMSS, número de seguridad social", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{11}|d{2}-d{2}-d{2}-d{4}-d|d{10}\\-d", NULL, check_mx_nss,
	 "nss|imss|número de seguridad social|número de seguro social|seguridad social|"
	 "núm seguridad social|no de seguro social|seguro social|afiliación",
	 NULL},
	{"mx-ine", "Instituto Nacional Electoral, clave de elector", CLASS_NATIONAL_ID,
	 KIND_LABELLED, "a{6}d{8}ad{3}", NULL, NULL,
	 "ine|ife|clave de elector|credencial de elector|credencial para votar|elector|"
	 "clave elector",
	 NULL},
	{"mx-passport", "Secretaría de Relaciones Exteriores", CLASS_PASSPORT, KIND_LABELLED,
	 "ad{8}|d{11}", NULL, NULL,
	 "pasaporte|número de pasaporte|no de pasaporte|núm pasaporte|passport", NULL},
	/* ---- Brazil */
	{"br-cpf", "Receita Federal, IN RFB 2172/2024", CLASS_TAX_ID, KIND_SURE,
	 "d{3}.d{3}.d{3}\\-d{2}", NULL, check_br_cpf, NULL, NULL},
	{"br-cpf-labelled", "Receita Federal, IN RFB 2172/2024", CLASS_TAX_ID, KIND_LABELLED,
	 "d{11}|d{3}.d{3}.d{3}\\-d{2}|d{9}\\-d{2}|d{3} d{3} d{3} d{2}|d{3} d{3} d{3}\\-d{2}|"
	 "d{3}.d{3}.d{3}/d{2}|d{9}/d{2}|d{3}-d{3}-d{3}-d{2}",
	 NULL, check_br_cpf,
	 "cpf|cpf/mf|c p f|cpf n|cpf nº|cpf no|cadastro de pessoas físicas|cadastro de pessoa "
	 "física|"
	 "contribuinte|tax id|tax number|cpf number|número do cpf|documento",
	 "cpf"},
	{"br-cnpj", "Receita Federal, IN RFB 2119/2022 and 2229/2024", CLASS_TAX_ID, KIND_SURE,
	 "x{2}.x{3}.x{3}/x{4}\\-d{2}", NULL, check_br_cnpj, NULL, NULL},
	{"br-cnpj-labelled", "Receita Federal, IN RFB 2119/2022 and 2229/2024", CLASS_TAX_ID,
	 KIND_LABELLED,
	 "d{14}|x{12}d{2}|x{2}.x{3}.x{3}/x{4}\\-d{2}|d{8}/d{4}\\-d{2}|"
	 "d{2} d{3} d{3} d{4} d{2}|d{2} d{3} d{3}/d{4}\\-d{2}",
	 NULL, check_br_cnpj,
	 "cnpj|c n p j|cnpj/mf|cgc|cadastro nacional|cadastro nacional da pessoa jurídica|tax id|"
	 "cnpj number",
	 "cnpj"},
	{"br-rg", "Lei 7.116/1983", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{2}.d{3}.d{3}\\-x|d{1,2}.d{3}.d{3}|d{7,9}\\-x|d{7,10}|a{2}\\-d{2}.d{3}.d{3}|a{2} "
	 "d{2}.d{3}.d{3}",
	 NULL, NULL,
	 "rg|r g|registro geral|carteira de identidade|cédula de identidade|identidade|"
	 "rg nº|rg no|número do rg|documento de identidade",
	 NULL},
	{"br-pis", "Caixa Econômica Federal, NIS/PIS/PASEP", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{11}|d{3}.d{5}.d{2}\\-d|d{10}\\-d|d{3}.d{4}.d{3}\\-d", NULL, check_br_pis,
	 "pis|pasep|pis/pasep|nis|nit|inss|número pis|pispasep", NULL},
	{"br-elector", "Tribunal Superior Eleitoral, Res. 23.659/2021", CLASS_NATIONAL_ID,
	 KIND_LABELLED, "d{12}|d{4} d{4} d{4}", NULL, NULL,
	 "título de eleitor|título eleitoral|título eleitor|eleitor", NULL},
	{"br-cnh", "CONTRAN, Resolução 886/2021", CLASS_DRIVING_LICENCE, KIND_LABELLED,
	 "d{11}|d{9}\\-d{2}", NULL, NULL,
	 "cnh|carteira nacional de habilitação|carteira de habilitação|habilitação|carteira de "
	 "motorista|"
	 "registro cnh|driver's license|driving licence",
	 NULL},
	{"br-passport", "Polícia Federal, Decreto 5.978/2006", CLASS_PASSPORT, KIND_LABELLED,
	 "a{2}_d{6}", NULL, NULL,
	 "passaporte|número do passaporte|passaporte nº|passport|passport number", NULL},
	/* ---- Argentina, Chile, Colombia, Peru, Ecuador, Uruguay, Venezuela */
	{"ar-cuit", "AFIP, RG 10/1997", CLASS_TAX_ID, KIND_LABELLED, "d{2}_d{8}_d", NULL,
	 check_ar_cuit, "cuit|cuil|cuit/cuil|cuil/cuit|c u i t|c u i l|clave única|tax id|cdi",
	 "cuit|cuil"},
	{"ar-dni", "Ley 17.671", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{7,8}|d{1,2}.d{3}.d{3}|d{1,2} d{3} d{3}", NULL, NULL,
	 "dni|d n i|documento nacional de identidad|documento|documento de identidad|"
	 "documento nacional|libreta cívica|número de documento|nro de documento|nro documento",
	 NULL},
	{"cl-rut", "DFL 3/1969; Servicio de Impuestos Internos", CLASS_TAX_ID, KIND_LABELLED,
	 "d{1,2}.d{3}.d{3}\\-x|d{7,8}\\-x|d{7,8}x", NULL, check_cl_rut,
	 "rut|run|r u t|r u n|rol único tributario|rol único nacional|rol único|cédula|cédula de "
	 "identidad|"
	 "carnet|carnet de identidad",
	 "rut|run"},
	{"co-cedula", "Registraduría Nacional del Estado Civil; DIAN (NIT)", CLASS_NATIONAL_ID,
	 KIND_LABELLED,
	 "d{6,10}|d{1,3}.d{3}.d{3}|d{1}.d{3}.d{3}.d{3}|d{8,9}\\-d|d{3}.d{3}.d{3}\\-d|d{1,2},d{3},d{"
	 "3}|d,d{3},d{3},d{3}",
	 NULL, NULL,
	 "cédula|cédula de ciudadanía|cédula de identidad|cédula de extranjería|cédula no|cc no|c "
	 "c|nit|"
	 "número de cédula|nuip|tarjeta de identidad|cédula de ciudadania no",
	 NULL},
	{"pe-dni", "RENIEC; SUNAT (RUC)", CLASS_NATIONAL_ID, KIND_LABELLED, "d{8}|d{8}\\-x|d{11}",
	 NULL, NULL,
	 "dni|ruc|r u c|documento nacional de identidad|registro único de contribuyentes|carné de "
	 "extranjería",
	 NULL},
	{"ec-cedula", "Registro Civil del Ecuador", CLASS_NATIONAL_ID, KIND_LABELLED,
	 "d{10}|d{9}\\-d", NULL, check_ec_cedula,
	 "cédula|cédula de identidad|cédula de ciudadanía|cédula no|ci|c i|número de cédula", NULL},
	{"uy-ci", "Dirección Nacional de Identificación Civil; SENIAT", CLASS_NATIONAL_ID,
	 KIND_LABELLED,
	 "d.d{3}.d{3}\\-d|d{7}\\-d|V\\-d{7,8}|E\\-d{7,8}|Vd{7,8}|V\\-d{1,2}.d{3}.d{3}|J\\-d{8}\\-d",
	 NULL, NULL, "cédula|cédula de identidad|ci|c i|documento|rif|número de cédula", NULL},
};

const struct kind_table kinds_government_americas = {rows, BL_COUNT(rows)};
