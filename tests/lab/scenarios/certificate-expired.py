"""The certificate that nginx serves has expired, while the renewed one lies on the disk: nobody has told nginx. Clients refuse to connect."""

RULE = "web.certificate-expired"
SERVICES = ["nginx"]
STEPS = ["run nginx -t", "systemctl reload nginx.service"]

_CA = """\
cd /etc/nginx && openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 99 -subj /CN=authority
openssl req -newkey rsa:2048 -nodes -keyout site.key -out site.csr -subj /CN=web1.example.org
touch index && echo 01 >serial
printf '[ca]\\ndefault_ca=a\\n[a]\\ndatabase=index\\nserial=serial\\nnew_certs_dir=.\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' >ca.cnf
sign() { openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -in site.csr -out $1 -startdate $2 -enddate $3 -notext; sed -i d index; }
sign old.pem 20250101000000Z 20250401000000Z
sign new.pem 20260101000000Z 20400101000000Z
"""


def prepare(lab):
    lab.sh(_CA)
    lab.write("/etc/nginx/conf.d/tls.conf", "server { listen 443 ssl; ssl_certificate site.pem; ssl_certificate_key site.key; root /var/www/html; }\n")
    lab.sh("cd /etc/nginx && cp new.pem site.pem && systemctl restart nginx")


def healthy(lab):
    return lab.true("curl", "-s", "-o", "/dev/null", "--cacert", "/etc/nginx/ca.pem", "https://web1.example.org/")


def fault(lab):
    # nginx was last started with the old one.
    lab.sh("cd /etc/nginx && cp old.pem site.pem && systemctl restart nginx && cp new.pem site.pem")
    at = lab.now()
    lab.sh("systemd-run --quiet --wait curl -sS -o /dev/null --cacert /etc/nginx/ca.pem https://web1.example.org/", check=False)
    return at


CHANGES = ["/etc/nginx/site.pem"]
