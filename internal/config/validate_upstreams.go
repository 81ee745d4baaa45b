package config

import (
	"fmt"
	"reflect"
	"strings"
)

func validateUpstreams(cfg *Config, r *report) {
	if len(cfg.Upstreams) == 0 {
		r.refuse("upstreams", nil, "is empty: there is nowhere to send requests; write at least one upstream, or leave the key out")
	}
	seen := newNames("upstream")
	for i := range cfg.Upstreams {
		u, path := &cfg.Upstreams[i], joinIndex("upstreams", i)
		seen.add(r, path, u.Name)
		validateServers(r, path, u)
		validateSessionNames(r, joinKey(path, "session"), u.Session)
		atMost(r, joinKey(path, "response_timeout"), u.ResponseTimeout, "lock.max_hold", cfg.Lock.MaxHold,
			"the next request of the session would start while the gate still waits for this one; lower it, or raise lock.max_hold")
		if u.Protocol == ProtocolFastCGI {
			validateFastCGI(r, path, u)
		} else {
			validateHTTP(r, path, u)
		}
		if err := checkIndexScript(u.IndexScript); err != nil {
			r.refuse(joinKey(path, "index_script"), nil, "%s", err)
		}
		if u.Health.Path != "" {
			urlPath(r, joinKey(joinKey(path, "health"), "path"), u.Health.Path)
		}
	}
}

func validateServers(r *report, path string, u *Upstream) {
	servers := joinKey(path, "servers")
	if len(u.Servers) == 0 {
		r.refuse(servers, nil, "is missing: an upstream has at least one server, as in [{address: \"127.0.0.1:9000\"}]")
	}
	first := map[string]string{}
	for i, server := range u.Servers {
		entry := joinIndex(servers, i)
		address := joinKey(entry, "address")
		if err := checkDial(server.Address); err != nil {
			r.refuse(address, nil, "%s", err)
			continue
		}
		if other, ok := first[server.Address]; ok {
			r.refuse(address, nil, "%s is the address of %s too; a server counts once", quote(server.Address), other)
			continue
		}
		first[server.Address] = entry
	}
}

func validateFastCGI(r *report, path string, u *Upstream) {
	at := func(key string) string { return joinKey(path, key) }
	restsOn := []string{at("protocol")}
	switch {
	case u.Root == "":
		r.refuse(at("root"), restsOn, "is missing: PHP-FPM needs the folder of the scripts as it sees it, as in /var/www/html")
	case !strings.HasPrefix(u.Root, "/"):
		r.refuse(at("root"), restsOn, "found %s, want an absolute path, as PHP-FPM sees it", quote(u.Root))
	}
	if u.LocalRoot != "" && !strings.HasPrefix(u.LocalRoot, "/") {
		r.refuse(at("local_root"), restsOn, "found %s, want an absolute path, as the gate sees it", quote(u.LocalRoot))
	}
	if u.LocalRoot == "" && u.Script != ScriptFront {
		r.refuse(at("local_root"), []string{at("protocol"), at("script")}, "is missing: script: %s looks for files, so the gate must see the folder too", u.Script)
	}
	if u.LocalRoot == "" && u.Files {
		r.refuse(at("local_root"), []string{at("protocol"), at("files")}, "is missing: files: true serves files, so the gate must see the folder too")
	}
	validateParams(r, at("params"), u.Params)
}

func checkIndexScript(script string) error {
	if err := checkURLPath(script); err != nil {
		return err
	}
	if strings.HasSuffix(script, "/") {
		return fmt.Errorf("found %s, want the path of a script, as in /index.php", quote(script))
	}
	return nil
}

func validateParams(r *report, path string, params []Param) {
	first := map[string]string{}
	for i, param := range params {
		entry := joinIndex(path, i)
		name := joinKey(entry, "name")
		switch other, repeated := first[param.Name]; {
		case param.Name == "":
			r.refuse(name, nil, "is missing, want the name of a variable, as in MAGE_RUN_CODE")
		case strings.ContainsAny(param.Name, "= "):
			r.refuse(name, nil, "found %s, want the name of a variable, as in MAGE_RUN_CODE", quote(param.Name))
		case repeated:
			r.refuse(name, nil, "%s is set in %s too; PHP sees one of them", quote(param.Name), other)
		default:
			first[param.Name] = entry
		}
	}
}

// fastCGIOnly are the keys of an upstream that mean nothing over HTTP.
var fastCGIOnly = []string{"root", "local_root", "script", "params", "files"}

// validateHTTP refuses keys that would do nothing. What stands at its default
// was not said, or does no harm.
func validateHTTP(r *report, path string, u *Upstream) {
	value, start := reflect.ValueOf(*u), reflect.ValueOf(defaultUpstream())
	for _, key := range fastCGIOnly {
		f, _ := fieldNamed(value.Type(), key)
		if !reflect.DeepEqual(value.Field(f.index).Interface(), start.Field(f.index).Interface()) {
			r.refuse(joinKey(path, key), []string{joinKey(path, "protocol")}, "does nothing with protocol: http; it is for fastcgi")
		}
	}
}
