<?php
// Puts one into the cart: reads the session, works, writes it. Without anybody
// who keeps requests apart, one that runs meanwhile is lost.
session_start();
$inCart = ($_SESSION['cart'] ?? 0) + 1;
usleep(200000);
$_SESSION['cart'] = $inCart;
session_write_close();
header('Content-Type: text/plain');
echo "$inCart in the cart\n";
