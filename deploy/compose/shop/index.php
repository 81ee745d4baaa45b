<?php
// A shop of one article: puts six of it into the cart at once, and shows which
// gate served each request and when it was answered.
session_start();
$inCart = $_SESSION['cart'] ?? 0;
session_write_close();
?>
<!doctype html>
<meta charset="utf-8">
<title>A shop behind two gates</title>
<h1>A shop behind two gates</h1>
<p>In your cart: <b id="badge"><?= $inCart ?></b></p>
<p><button id="buy">Put six into the cart, at once</button></p>
<pre id="log"></pre>
<script>
const log = document.getElementById('log'), badge = document.getElementById('badge');
async function add(number, began) {
  const answer = await fetch('/add.php', {method: 'POST'});
  const text = (await answer.text()).trim();
  const after = Math.round(performance.now() - began);
  log.textContent += `request ${number}, after ${after} ms from ${answer.headers.get('X-Served-By')}: ${answer.status}, ${text}\n`;
}
document.getElementById('buy').onclick = async () => {
  const began = performance.now();
  log.textContent = '';
  await Promise.all([1, 2, 3, 4, 5, 6].map(number => add(number, began)));
  badge.textContent = await (await fetch('/badge.php')).text();
};
</script>
