import{$ as I,Aa as $e,Ba as ve,Ca as fe,Da as he,Fa as ge,G as u,Ga as G,H as S,Ha as g,Ia as m,J as ae,L as oe,Ma as be,Oa as F,Pa as L,Q as x,Qa as J,S as ne,T as X,U as _,V as ie,W as A,X as re,Xa as ye,Ya as we,Za as N,_ as H,_a as ke,a as Q,aa as le,ab as Se,b as l,ba as ce,bb as xe,c as v,cb as _e,d as Y,db as Ie,eb as Ce,f as s,fb as Be,g as ee,hb as Ee,ja as p,jb as U,kb as Pe,lb as Oe,m as te,ma as C,na as i,oa as h,p as f,pa as ue,q as k,qa as B,r as M,ra as de,s as R,sa as V,t as D,ta as E,u as e,ua as W,va as K,xa as Z,ya as pe,z as se,za as me}from"./shared.js";function ze({title:t,about:a,children:n}){let o=Object.keys(f).find(r=>r!==k.value);return s`<main class="entry" id="main"><div class="card entry-card">
<div class="entry-brand"><${S} size="40" /><span>oracxfs</span><button type="button" class="plain small push" lang=${o} onClick=${()=>D(o)}>${f[o]}</button></div>
<h1 tabindex="-1">${t}</h1><p class="muted">${a}</p>${n}</div></main>`}var je=t=>{let a=t.toUpperCase().replace(/[^A-Z0-9]/g,"").slice(0,8);return a.length>4?`${a.slice(0,4)}-${a.slice(4)}`:a};function De(){let[t,a]=l({code:"",password:""}),[n,o]=l({}),[r,P]=l(null),[O,b]=l(!1),j=async c=>{c.preventDefault();let d={};if(t.code.length<9&&(d["setup-code"]=e("setup.code_rule")),t.password.length<U&&(d["setup-password"]=e("password.too_short",{n:U})),o(d),!(Object.keys(d).length>0)){b(!0),P(null);try{await he(t.code,t.password)}catch(z){P(z),b(!1)}}};return s`<${ze} title=${e("setup.title")} about=${e("setup.about")}><form onSubmit=${j} novalidate>
<${H} problems=${n} />
<${A} id="setup-code" class="code-input" label=${e("setup.code")} placeholder="XXXX-XXXX" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" value=${t.code} error=${n["setup-code"]} help=${e("setup.code_help")} onInput=${c=>a({...t,code:c.target.value=je(c.target.value)})} />
<${x} command=${p("admin","code")} />
<input type="text" name="username" autocomplete="username" value="admin" hidden readonly />
<${A} id="setup-password" label=${e("password.new")} type="password" autocomplete="new-password" value=${t.password} error=${n["setup-password"]} help=${e("password.rule",{n:U})} onInput=${c=>a({...t,password:c.target.value})} />
<${Pe} password=${t.password} />
<${_} error=${r}>${r?.data?.tries_left!==void 0&&s`<p>${e("setup.tries_left",{n:r.data.tries_left})}</p>`}<//>
<${I} type="submit" class="wide" busy=${O}>${e("setup.create")}<//>
</form><//>`}function Xe(){let[t,a]=l(""),[n,o]=l(!1),[r,P]=l({}),[O,b]=l(null),[j,c]=l(!1),[d,z]=l(0),Ue=Y(null);v(()=>document.getElementById("signin-password")?.focus(),[]),v(()=>{if(!d)return;let $=setInterval(()=>z(y=>y<=Date.now()?0:y+.001),500);return()=>clearInterval($)},[d>0]);let Te=async $=>{$.preventDefault();let y=t?{}:{"signin-password":e("field.missing",{field:e("field.password")})};if(P(y),!(Object.keys(y).length>0)){c(!0),b(null);try{await fe(t,n)}catch(w){b(w.status===401?{...w,message:e("signin.wrong"),code:"",why:"",next:[]}:w),w.status===429&&z(Date.now()+(w.data?.retry_after_ms||5e3)),c(!1),document.getElementById("signin-password")?.select()}}},q=Math.max(0,d-Date.now());return s`<${ze} title=${e("signin.title")} about=${e("signin.about")}><form ref=${Ue} onSubmit=${Te} novalidate>
${i.value?.expired&&!O&&s`<${ie}><p>${e("signin.expired")}</p><//>`}
<${H} problems=${r} />
<input type="text" name="username" autocomplete="username" value="admin" hidden readonly />
<${A} id="signin-password" label=${e("field.password")} type="password" autocomplete="current-password" value=${t} error=${r["signin-password"]} onInput=${$=>a($.target.value)} />
<${re} label=${e("signin.remember")} checked=${n} onChange=${$=>o($.target.checked)} />
<${_} error=${O}>${q>0&&s`<p>${e("signin.wait",{time:se(q)})}</p>`}<//>
<${I} type="submit" class="wide" busy=${j} disabled=${q>0}>${e("signin.enter")}<//>
<details class="more"><summary>${e("signin.forgotten")}</summary><p class="help">${e("signin.forgotten_text")}</p><${x} command=${p("admin","password")} /></details>
</form><//>`}function Ae(){v(()=>{Ce.value||Be().catch(()=>{})},[]);let t=(Ee.value||[]).length>0,a=[{key:"place",done:Z.value.length>0,run:()=>L(),cli:p("google-drive")},{key:"sources",done:t,run:()=>m("settings","sources"),cli:p("config","set","backup.sources","[…]")},{key:"first",done:(B.value||[]).length>0,blocked:!t||Z.value.length===0,run:F,cli:p("sync")},{key:"schedule",done:!!h.value?.auto_sync?.enabled,run:()=>m("settings","schedule"),cli:p("auto-sync","on","--every","6h")}],n=a.findIndex(o=>!o.done);return s`<section class="card first-steps" aria-labelledby="first-steps">
<h2 id="first-steps">${e("first.title")}</h2>
<p class="muted">${e("first.about")}</p>
<ol>
${a.map((o,r)=>s`<li class=${ee(o.done?"done":r===n?"now":"later")}>
<span class="first-mark">${o.done?s`<${u} name="check" size="16" /><span class="visually-hidden">${e("first.done")}</span>`:r+1}</span>
<div><h3>${e(`first.${o.key}`)}</h3><p class="muted">${e(`first.${o.key}_about`)}</p>
${!o.done&&s`<div class="first-do"><button type="button" class=${r===n?"":"secondary"} disabled=${o.blocked} onClick=${o.run}>${e(`first.${o.key}_do`)}</button><${x} command=${o.cli} /></div>`}</div>
</li>`)}
</ol>
</section>`}function Fe(){if(!h.value)return s`<h1 class="visually-hidden" tabindex="-1">${e("nav.overview")}</h1><div class="card"><${le} lines="4" /></div>`;let t=ue.value,a=B.value||[],n=B.value&&V.value&&a.length===0&&!W.value&&!K.value;return s`
<h1 class="visually-hidden" tabindex="-1">${e("nav.overview")}</h1>
<${ye} />
${(W.value||K.value)&&s`<${xe} />`}
${n&&s`<${Ae} />`}
${t.length>0&&s`<section aria-labelledby="overview-providers">
<div class="section-head"><h2 id="overview-providers">${e("nav.providers")}</h2>
<button type="button" class="plain small" onClick=${()=>L()}><${u} name="plus" size="16" /><span>${e("provider.add")}</span></button></div>
<div class="cards">${t.map(o=>s`<${Ie} key=${o.name} provider=${o} />`)}</div>
</section>`}
${a.length>0&&s`
<section aria-labelledby="overview-copies">
<div class="section-head"><h2 id="overview-copies">${e("copies.title")} <span class="section-caption">${e("copies.caption")}</span></h2>
<a href=${g("backups")}>${e("copies.all",{n:de.value})}<${u} name="chevron" size="15" /></a></div>
<div class="card flush"><${Se} label=${e("copies.title")} total=${a.length} rowAt=${o=>a[o]} onOpen=${o=>m("backups",o.name)} /></div>
</section>
<div class="two">
<section aria-labelledby="overview-timeline">
<div class="section-head"><h2 id="overview-timeline">${e("timeline.title")}</h2></div>
<div class="card"><${_e} runs=${V.value||[]} /></div>
</section>
<section aria-labelledby="overview-activity">
<div class="section-head"><h2 id="overview-activity">${e("nav.activity")}</h2><a href=${g("activity")}>${e("activity.all")}<${u} name="chevron" size="15" /></a></div>
<div class="card flush"><ol class="events short">${(E.value||[]).slice(0,5).map(o=>s`<${we} key=${o.seq} event=${o} brief />`)}</ol></div>
</section>
</div>`}`}var[qe,Me,Re,He,Ve]=["Activity","Backups","Providers","Settings","SignIn"].map(Oe),We={overview:Fe,providers:Re,backups:Me,activity:qe,settings:He},Ke={overview:"home",providers:"cloud",backups:"archive",activity:"activity",settings:"sliders"};async function Ze(){try{await te("/session"),$e({...i.value,signed_in:!1})}catch(t){ne(t)}}function Le({className:t}){return s`<nav class=${t} aria-label=${e("nav.label")}><ul>${ge.map(a=>s`<li><a href=${g(a)} aria-current=${G.value.page===a?"page":void 0}><${u} name=${Ke[a]} size="18" /><span>${e(`nav.${a}`)}</span></a></li>`)}</ul></nav>`}function Ge(){let t=Object.keys(f).find(a=>a!==k.value);return s`<header class="top"><div class="top-inside">
<a class="brand" href=${g("overview")}><${S} size="28" /><span class="brand-name">oracxfs</span>${i.value.instance&&s`<span class="brand-host" title=${e("nav.host")}>${i.value.instance}</span>`}</a>
<${Le} className="nav" />
<div class="top-tools">
${C.value!=="off"&&C.value!=="live"&&s`<span class=${`connection ${C.value}`} role="status"><span class="dot"></span><span>${e(`connection.${C.value}`)}</span></span>`}
<button type="button" class="plain tool" lang=${t} title=${f[t]} aria-label=${`${t.toUpperCase()} – ${f[t]}`} onClick=${()=>D(t)}>${t.toUpperCase()}</button>
<button type="button" class="plain tool icon-only" aria-label=${e(N.value?"theme.light":"theme.dark")} title=${e(N.value?"theme.light":"theme.dark")} onClick=${ke}><${u} name=${N.value?"sun":"moon"} /></button>
<${ce} label=${e("nav.account")} icon="user" class="plain tool" items=${[{label:e("settings.security"),icon:"lock",run:()=>m("settings","security")},{label:e("keys.title"),icon:"keyboard",run:J},{label:e("nav.sign_out"),icon:"logout",run:Ze}]} />
</div>
</div></header>`}function T(){let{page:t}=G.value,a=We[t];return v(()=>{document.title=`${e(`nav.${t}`)} · oracxfs`,T.page&&T.page!==t&&(scrollTo(0,0),document.querySelector("main h1")?.focus({preventScroll:!0})),T.page=t},[t,k.value]),s`<a class="skip" href="#main" onClick=${n=>(n.preventDefault(),document.querySelector("main h1")?.focus())}>${e("nav.skip")}</a>
<${Ge} />
<main id="main" class=${`page-${t}`}><${a} key=${t} /></main>
<${Le} className="bottom-nav" />`}function Je(){let t=i.value;return t?t.failed?s`<main class="entry"><div class="card entry-card"><div class="entry-brand"><${S} size="40" /><span>oracxfs</span></div><h1>${e("start.failed")}</h1><${_} error=${t.failed} /><${I} onClick=${Ne}>${e("start.again")}<//></div></main>`:t.setup_required?s`<${De} /><${X} />`:t.signed_in?s`<${T} /><${oe} /><${X} />`:s`<${Xe} /><${X} />`:null}async function Qe(){i.value?.signed_in&&E.value===null&&(E.value=await me({}).then(t=>t.list,()=>[]))}function Ye(){let t=/^#oauth=([\w.~-]+)$/.exec(location.hash)?.[1];t&&(m("providers"),ae(({close:a})=>s`<${Ve} attempt=${{state:t}} title=${e("signin.coming_back")} type="" done=${()=>(pe().catch(()=>{}),a())} close=${a} />`))}async function Ne(){let t=location.hash.startsWith("#oauth=");try{await ve(),await R(M(i.value.language))}catch(a){await R(M()),i.value={failed:a}}t&&i.value.signed_in&&Ye()}i.subscribe(()=>{Qe()});be({help:J,sync:()=>i.value?.signed_in&&h.value&&F()});await Ne();Q(s`<${Je} />`,document.getElementById("app"));
